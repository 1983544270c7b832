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
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.offers import Answer, Guest, Offers
from adapters.mongo.turn_board import TurnBoard
from adapters.mongo.turns import FREE, Turn

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.0001
_LONGEST_USUAL_SECONDS = 0.01
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
        self.usual_length = 0.0
        """How many seconds a turn lasts, as it was seen lately."""
        self.board = TurnBoard(folder, self._offers.wipe)

    def take(self) -> Turn:
        with self._lock:
            if self._closed:
                return FREE
            if self.board.process != os.getpid():
                # Its locks are those of the process that this one was forked from, too.
                self.board.let_go()
                self._taken = 0
                try:
                    self.board = TurnBoard(self._folder, self._offers.wipe)
                except OSError as error:
                    self._closed = True
                    _log.warning("a forked process does not take turns: %s", error)
                    return FREE
            if self.board.is_alone or (ticket := self.board.take_ticket()) is None:
                return FREE
            self._taken += 1
        return _LocalTurn(self, self.board, self._offers, ticket)

    def saw_one_last(self, seconds: float) -> None:
        """Learn from a turn of somebody how long they last."""
        self.usual_length += 0.2 * (min(seconds, _LONGEST_USUAL_SECONDS) - self.usual_length)

    def give_back(self) -> None:
        """One that was taken is over."""
        with self._lock:
            self._taken -= 1
            if self._closed and not self._taken:
                self.board.close()

    def close(self) -> None:
        """Leave when the last turn that was taken is over: till then it needs the files."""
        with self._lock:
            if not self._closed:
                self._closed = True
                if not self._taken:
                    self.board.close()


class _LocalTurn:
    def __init__(self, turns: LocalTurns, board: TurnBoard, offers: Offers, ticket: int) -> None:
        self._turns = turns
        self._board = board
        self._offers = offers
        self._ticket = ticket
        self._last = ticket
        self._guests: list[tuple[int, list[Guest]]] = []
        self._may_offer = True
        self.offered: list[Append] = []
        self.has_come = board.serving == ticket
        self.head = board.head
        self.was_taken = False

    def wait(self, more: Callable[[], list[Append]], deadline_at: float) -> Answer | None:
        try:
            self._await(more, deadline_at)
        finally:
            self.was_taken = bool(self.offered) and not self._offers.withdraw(self._ticket)
        answer = self._offers.answer(self._ticket) if self.was_taken else None
        self.was_taken = self.was_taken and answer is None
        self.has_come = answer is None
        self.head = self._board.head
        return answer

    def guests(self, events: int, size: int) -> list[Guest]:
        invited: list[Guest] = []
        following = self._board.following
        while self._last + 1 < following and (guests := self._offers.take(self._last + 1, size)):
            self._last += 1
            self._guests.append((self._last, guests))
            events -= len(guests)
            size -= sum(guest.size for guest in guests)
            if events < 0 or size < 0:
                break  # these do not fit after all: they are told that they were not sent
            invited += guests
        return invited

    def end(self, head: int | None, moment: Moment) -> None:
        for ticket, guests in self._guests:
            self._offers.give_answer(ticket, guests, moment)
        self._board.tell(head or 0)
        self._board.advance(self._ticket, self._last + 1)
        self._turns.give_back()

    def _await(self, more: Callable[[], list[Append]], deadline_at: float) -> None:
        """Wait for the turn, or for another's end that has passed it."""
        seen, since = self._board.serving, monotonic()
        while True:
            serving, now = self._board.serving, monotonic()
            if serving != seen:
                self._turns.saw_one_last(now - since)
                seen, since = serving, now
            if serving >= self._ticket or now >= deadline_at:
                return
            if now - since > _PATIENCE_SECONDS:
                self._board.advance(serving, serving + 1)
            self._offer(more)
            # Half of the time that is left, again and again: it looks seldom, and at the right moment.
            sleep(max(_POLL_SECONDS, (self._turns.usual_length - (now - since)) / 2))

    def _offer(self, more: Callable[[], list[Append]]) -> None:
        """Put on offer what has come, together with what is on offer already, unless that is taken."""
        if self._may_offer and (new := more()):
            self._may_offer = not self.offered or self._offers.withdraw(self._ticket)
            if self._may_offer:
                self.offered += new
                self._may_offer = self._offers.make(self._ticket, self.offered)
                if not self._may_offer:
                    self.offered = []
