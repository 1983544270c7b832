"""Processes of one user on one machine that write to one log take turns, and take each other's appends along.

Whoever has the turn writes not only its own appends but also those that the others have on offer, so that one commit
carries what all of them have waiting, as it does for the threads of one process. Nobody waits long for anybody, and
one whose offer was taken but not answered just goes on by itself.

Turns are given out in the order in which they are asked for, through a small file in shared memory: the next ticket,
the ticket whose turn it is, and the greatest position that one of the processes knows to be majority-committed, which
saves the next one a read. Each process holds a shared lock on a second file for as long as it lives: the first one to
come wipes what others have left, since a backup may have been restored meanwhile.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from struct import Struct
from threading import Lock
from time import monotonic, sleep
from typing import TypeAlias

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.offers import Answer, Guest, Offers
from adapters.mongo.turns import FREE, Turn

Record: TypeAlias = tuple[int, int, int]
_RECORD = Struct("<qqq")
_FILES = ("turns", "users")
_OPEN_TRIES = 10
_LOCK_TRIES = 100
_LOCK_PAUSE_SECONDS = 0.00002
_FIRST_LOOK_SECONDS = 0.0003
_POLL_SECONDS = 0.00006
_PATIENCE_SECONDS = 0.25
"""A turn that lasts longer is passed over: its owner is dead, frozen, or has trouble of its own."""


class LocalTurns:
    """The turns of all who use `folder`. What goes wrong with its files costs speed and nothing else."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the files cannot be had."""
        self._folder = folder
        self._offers = Offers(folder)
        self._lock = Lock()
        self._taken = 0
        self._closed = False
        self._descriptors: tuple[int, ...] = ()
        self._open()

    def take(self) -> Turn:
        with self._lock:
            if self._closed:
                return FREE
            if self._process != os.getpid():
                self._open()  # its locks would be those of the process that this one was forked from
            self._taken += 1
        before = self.update(lambda following, serving, head: (following + 1, serving, head))
        if before is None:
            self.give_back()
            return FREE
        ticket, serving, head = before
        return _LocalTurn(self, self._offers, ticket, has_come=serving == ticket, head=head)

    def give_back(self) -> None:
        """One that was taken is over."""
        with self._lock:
            self._taken -= 1
            self._close_when_unused()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._close_when_unused()

    def _close_when_unused(self) -> None:
        if self._closed and not self._taken:
            descriptors, self._descriptors = self._descriptors, ()
            if descriptors:
                self._leave_nothing_behind(descriptors[1])
            for descriptor in descriptors:
                os.close(descriptor)

    def _leave_nothing_behind(self, users: int) -> None:
        """Remove the folder if nobody else uses it. One who opens it at this moment just does not meet later ones."""
        with suppress(OSError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._offers.wipe()
            for name in _FILES:
                (self._folder / name).unlink()
            self._folder.rmdir()

    def read(self) -> Record:
        """The next ticket, the one whose turn it is, and the greatest committed position that is known."""
        following, serving, head = _RECORD.unpack(os.pread(self._file, _RECORD.size, 0))
        return following, serving, head

    def update(self, change: Callable[[int, int, int], Record]) -> Record | None:
        """Change the record; what it was before. None when somebody stands still with the lock on it."""
        if not _lock_soon(self._file, fcntl.LOCK_EX):
            return None
        try:
            before = self.read()
            os.pwrite(self._file, _RECORD.pack(*change(*before)), 0)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return before

    def _files(self) -> tuple[int, int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        for _ in range(_OPEN_TRIES):
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                turns, users = (os.open(self._folder / name, flags, 0o600) for name in _FILES)
            except FileNotFoundError:
                continue  # the last one of the others has removed the folder at this moment
            return turns, users
        raise OSError(f"{self._folder} cannot be kept open")

    def _open(self) -> None:
        self._process = os.getpid()
        self._taken = 0
        self._descriptors = self._file, users = self._files()
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # somebody else is there, so what the file says holds
        else:
            self._offers.wipe()
            os.pwrite(self._file, _RECORD.pack(0, 0, 0), 0)
        if not _lock_soon(users, fcntl.LOCK_SH):
            raise OSError(f"another process stands still while it opens {self._folder}")


class _LocalTurn:
    def __init__(self, turns: LocalTurns, offers: Offers, ticket: int, *, has_come: bool, head: int) -> None:
        self._turns = turns
        self._offers = offers
        self._ticket = ticket
        self._last = ticket
        self._guests: list[tuple[int, list[Guest]]] = []
        self.has_come = has_come
        self.head = head
        self.was_taken = False

    def wait(self, offer: Sequence[Append], deadline_at: float) -> Answer | None:
        on_offer = bool(offer) and self._offers.make(self._ticket, offer)
        serving = self._await(deadline_at)
        withdrawn = not on_offer or self._offers.withdraw(self._ticket)
        answer = None if withdrawn else self._offers.answer(self._ticket)
        self.was_taken = not withdrawn and answer is None
        self.has_come = answer is None
        if serving == self._ticket and (record := self._turns.update(_unchanged)):
            self.head = record[2]
        return answer

    def guests(self, events: int, size: int) -> list[Guest]:
        invited: list[Guest] = []
        following = self._turns.read()[0]
        while self._last + 1 < following and (guests := self._offers.take(self._last + 1, events, size)):
            self._last += 1
            self._guests.append((self._last, guests))
            invited += guests
            events -= len(guests)
            size -= sum(guest.size for guest in guests)
        return invited

    def end(self, head: int | None, moment: Moment) -> None:
        for ticket, guests in self._guests:
            self._offers.give_answer(ticket, guests, moment)
        self._turns.update(
            lambda following, serving, known: (
                following,
                self._last + 1 if serving == self._ticket else serving,
                max(known, head or 0),
            )
        )
        self._turns.give_back()

    def _await(self, deadline_at: float) -> int:
        """Wait for the turn, or for another's end that has passed it; the ticket whose turn it is."""
        seen, since, pause = -1, monotonic(), _FIRST_LOOK_SECONDS
        while True:
            serving, now = self._turns.read()[1], monotonic()
            if serving >= self._ticket or now >= deadline_at:
                return serving
            if serving != seen:
                seen, since = serving, now
            elif now - since > _PATIENCE_SECONDS:
                self._pass_over(serving)
            sleep(pause)
            pause = _POLL_SECONDS * (self._ticket - serving)

    def _pass_over(self, stuck: int) -> None:
        self._turns.update(
            lambda following, serving, head: (following, serving + 1 if serving == stuck else serving, head)
        )


def _unchanged(following: int, serving: int, head: int) -> Record:
    """For a look at the record that nobody changes meanwhile."""
    return following, serving, head


def _lock_soon(descriptor: int, kind: int) -> bool:
    """Lock a file that nobody holds for more than some microseconds; False if somebody stands still with it."""
    for attempt in range(_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(0 if attempt < _LOCK_TRIES // 2 else _LOCK_PAUSE_SECONDS)
        else:
            return True
    return False
