"""Processes of one user on one machine that write to one log take turns, and take each other's appends along.

Whoever has the turn writes not only its own appends but also those that the others have on offer, so that one commit
carries what all of them have waiting, as it does for the threads of one process. Nobody waits long for anybody, and
one whose offer was taken but not answered just goes on by itself.

Turns are given out in the order in which they are asked for. Whoever has had one tells the next the greatest position
that it knows to be majority-committed, which saves that one a read.
"""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.company import Company, Experience
from adapters.mongo.forked import call_after_fork
from adapters.mongo.guest import Answer, Guest
from adapters.mongo.neighbours import Desk, Neighbour, Neighbours, remove_gone
from adapters.mongo.turn_board import TurnBoard, remove_abandoned
from adapters.mongo.turns import FREE, Turn

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.00025
_SELDOM_SECONDS = 0.005
_LONGEST_USUAL_SECONDS = 0.01
_SUSPICIOUS_SECONDS = 0.02
"""Of one whose turn lasts longer it is found out whether it is dead."""

_PATIENCE_SECONDS = 0.25
"""A turn that lasts longer is passed over: its owner is frozen, or has trouble of its own."""

_FRESH_SECONDS = 0.001
"""Whoever has not come back so long after a turn is not waited for."""

_LOOK_FOR_COMPANY_SECONDS = 0.00005
_IS_THERE_EVERY = 256
_OPEN_SECONDS, _REOPEN_SECONDS = 1.0, 0.005


class LocalTurns:
    """The turns of all who use `folder`. What goes wrong with its files costs speed and nothing else."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the files cannot be had."""
        self._folder = folder
        self._lock = Lock()
        self._current: LocalTurn | None = None
        self._count = 0
        self._closed = False
        self.usual_length = 0.0
        """How many seconds a turn lasts, as it was seen lately."""
        self.experience = Experience()
        self._open()
        call_after_fork(self)
        with suppress(OSError):
            remove_abandoned(folder.parent)

    def take(self) -> Turn:
        with self._lock:
            if self._closed:
                return FREE
            self._count += 1
            try:
                self._open_anew_if_need_be()
            except BaseException as error:
                self._closed = True  # with nothing left to close
                if not isinstance(error, OSError):
                    raise
                _log.warning("writers of this process do not take turns any more: %s", error)
                return FREE
            if self._current is not None:  # its leader was interrupted before it could end it
                self.board.finish(self._current.ticket, self._current.ticket + 1)
            self.neighbours.trim()
            if self.board.is_alone or (ticket := self.board.take_ticket()) is None:
                return FREE
            self._current = LocalTurn(self, ticket)
            return self._current

    def saw_one_last(self, seconds: float) -> None:
        """Learn from a turn of somebody how long they last."""
        self.usual_length += 0.2 * (min(seconds, _LONGEST_USUAL_SECONDS) - self.usual_length)

    def give_back(self, turn: "LocalTurn") -> None:
        """It is over."""
        with self._lock:
            if self._current is turn:
                self._current = None
                if self._closed:
                    self._leave()

    def close(self) -> None:
        """Leave when the turn that was taken is over: till then it needs the files."""
        with self._lock:
            if not self._closed:
                self._closed = True
                if self._current is None:
                    self._leave()

    def after_fork(self) -> None:
        """This is another process now, in which no other thread goes on."""
        self._lock = Lock()
        self._current = None

    def _open(self, seconds: float = _OPEN_SECONDS) -> None:
        self.board = TurnBoard(self._folder, seconds)
        try:
            self.desk = Desk(self._folder, self.board.number)
        except OSError:
            self.board.leave()
            self.board.close()
            raise
        self.neighbours = Neighbours(self._folder)
        with suppress(OSError):
            remove_gone(self._folder)

    def _open_anew_if_need_be(self) -> None:
        """After a fork, since the locks are those of the other process, too; and when the files were removed."""
        is_another = self.board.process != os.getpid()
        if is_another or (self._count % _IS_THERE_EVERY == 0 and not self.board.is_there):
            self._let_go()
            self._open(_REOPEN_SECONDS)

    def _leave(self) -> None:
        if self.board.process == os.getpid():
            if self.board.is_there:
                self.desk.remove()
            self.board.leave()
        self._let_go()

    def _let_go(self) -> None:
        self.neighbours.close()
        self.desk.close()
        self.board.close()


class LocalTurn:
    """A turn among the processes of this machine; see `Turn`."""

    def __init__(self, turns: LocalTurns, ticket: int) -> None:
        self._turns = turns
        self._board = board = turns.board
        self._sheet = turns.desk.sheet
        self._bell = turns.desk.bell
        self._neighbours = turns.neighbours
        self.ticket = ticket
        self._last = ticket
        self._guests: list[tuple[int, Neighbour, list[Guest]]] = []
        self._may_offer = True
        self._sheet.begin(ticket)
        self.offered: list[Append] = []
        self.has_come = board.serving == ticket
        self.head = board.head
        self.was_taken = False
        self._writes_since = monotonic()

    def wait(self, more: Callable[[], list[Append]], deadline_at: float) -> Answer | None:
        answer = None
        try:
            self._await_turn(more, deadline_at)
            answer = self._await_answer(deadline_at)
        finally:
            self.was_taken = bool(self.offered) and answer is None and not self._sheet.withdraw(self.ticket)
        if self.was_taken:
            answer = self._sheet.answer(self.ticket)
            self.was_taken = answer is None
        self.has_come = answer is None
        self.head = self._board.head
        self._writes_since = monotonic()
        return answer

    def gather(self, ready: Callable[[], int]) -> None:
        company, experience, began = self._board.company, self._turns.experience, monotonic()
        offered, others = self._on_offer()
        before = here = ready() + offered
        now = began
        if here < company.appends and now < company.since + _FRESH_SECONDS and experience.is_good():
            until = began + experience.usual_write
            while here < company.appends and now < until:
                self._bell.wait(_LOOK_FOR_COMPANY_SECONDS)
                here, now = ready() + self._on_offer()[0], monotonic()
            experience.waited(now - began, before + others, here + others)
        self._writes_since = now

    def guests(self, events: int, size: int) -> list[Guest]:
        invited: list[Guest] = []
        while self._last + 1 < self._board.following:
            neighbour = self._neighbour(self._last + 1)
            guests = neighbour.sheet.take(self._last + 1, events, size) if neighbour else []
            if neighbour is None or not guests:
                break
            self._last += 1
            self._guests.append((self._last, neighbour, guests))
            invited += guests
            events -= len(guests)
            size -= sum(guest.size for guest in guests)
        return invited

    def end(self, head: int | None, moment: Moment, written: int) -> None:
        board, now = self._board, monotonic()
        try:
            board.tell(head or 0)
            had_the_turn = board.serving == self.ticket
            if had_the_turn:
                board.company = Company(written + self._on_offer()[0], now)
            board.finish(self.ticket, self._last + 1)
            if had_the_turn:
                if following := self._neighbour(board.serving):
                    following.bell.ring()
                self._turns.experience.wrote(now - self._writes_since)
            self.answer_guests(moment)
        finally:
            self._turns.give_back(self)

    def answer_guests(self, moment: Moment) -> None:
        """Tell them what became of their appends."""
        for ticket, neighbour, guests in self._guests:
            neighbour.sheet.give_answer(ticket, guests, moment)
            neighbour.bell.ring()

    def _await_turn(self, more: Callable[[], list[Append]], deadline_at: float) -> None:
        """Wait for the turn, or for the end of one that has passed it."""
        seen, since = self._board.serving, monotonic()
        while (serving := self._board.serving) < self.ticket and (now := monotonic()) < deadline_at:
            if serving != seen:
                self._turns.saw_one_last(now - since)
                seen, since = serving, now
            if self._is_to_be_passed_over(serving, now - self._board.since):
                self._board.advance(serving, serving + 1)
                continue
            self._offer(more)
            # Half of the time until the usual end of a turn, or since then: it looks seldom, for more to offer, too.
            pause = min(
                max(_LOOK_SECONDS, abs(self._turns.usual_length - (now - since)) / 2), _SELDOM_SECONDS
            )
            self._bell.wait(min(pause, deadline_at - now))

    def _is_to_be_passed_over(self, serving: int, seconds: float) -> bool:
        if seconds <= _SUSPICIOUS_SECONDS:
            return False
        owner = self._board.owner(serving)
        if owner is None or owner == self._board.number:
            return True  # given up, since this process waits by another ticket
        return seconds > _PATIENCE_SECONDS or self._neighbours.is_gone(owner)

    def _await_answer(self, deadline_at: float) -> Answer | None:
        """Wait for the answer, which is on its way if the turn was passed by somebody who has taken the offer."""
        until = min(deadline_at, monotonic() + _PATIENCE_SECONDS)
        while self.offered and self._board.serving > self.ticket and self._sheet.is_taken(self.ticket):
            answer, now = self._sheet.answer(self.ticket), monotonic()
            if answer is not None or now >= until:
                return answer
            self._bell.wait(min(_LOOK_SECONDS, until - now))
        return None

    def _offer(self, more: Callable[[], list[Append]]) -> None:
        """Put on offer what has come, beside what is on offer already, unless that is taken."""
        if self._may_offer and not self._sheet.is_taken(self.ticket) and (new := more()):
            before = len(self.offered)
            self.offered += new
            count = self._sheet.add(self.ticket, new)
            del self.offered[before + count :]
            self._may_offer = count == len(new)

    def _on_offer(self) -> tuple[int, int]:
        """How many appends can be taken along, and how many processes wait that offer none, or behind such a one."""
        offered, following = 0, self._board.following
        for ticket in range(self._last + 1, following):
            neighbour = self._neighbour(ticket)
            count = neighbour.sheet.count(ticket) if neighbour else 0
            if count == 0:
                return offered, following - ticket
            offered += count
        return offered, 0

    def _neighbour(self, ticket: int) -> Neighbour | None:
        number = self._board.owner(ticket)
        return None if number == self._board.number else self._neighbours.get(number)
