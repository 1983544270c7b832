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
from time import monotonic

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.company import Company, Experience
from adapters.mongo.guest import Answer, Guest
from adapters.mongo.neighbours import Desk, Neighbour, Neighbours
from adapters.mongo.turn_board import TurnBoard
from adapters.mongo.turns import FREE, Turn

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.00025
_LONGEST_USUAL_SECONDS = 0.01
_PATIENCE_SECONDS = 0.25
"""A turn that lasts longer is passed over: its owner is dead, frozen, or has trouble of its own."""

_FRESH_SECONDS = 0.001
"""Whoever has not come back so long after a turn is not waited for."""

_LOOK_FOR_COMPANY_SECONDS = 0.00005


class LocalTurns:
    """The turns of all who use `folder`. What goes wrong with its files costs speed and nothing else."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the files cannot be had."""
        self._folder = folder
        self._lock = Lock()
        self._taken = 0
        self._closed = False
        self.usual_length = 0.0
        """How many seconds a turn lasts, as it was seen lately."""
        self.company = Experience()
        self._open()

    def take(self) -> Turn:
        with self._lock:
            if self._closed:
                return FREE
            if self.board.process != os.getpid():
                # Its locks are those of the process that this one was forked from, too.
                self._let_go()
                self._taken = 0
                try:
                    self._open()
                except OSError as error:
                    self._closed = True
                    _log.warning("a forked process does not take turns: %s", error)
                    return FREE
            if self.board.is_alone or (ticket := self.board.take_ticket()) is None:
                return FREE
            self._taken += 1
            return LocalTurn(self, ticket, may_offer=self._taken == 1)

    def saw_one_last(self, seconds: float) -> None:
        """Learn from a turn of somebody how long they last."""
        self.usual_length += 0.2 * (min(seconds, _LONGEST_USUAL_SECONDS) - self.usual_length)

    def give_back(self) -> None:
        """One that was taken is over."""
        with self._lock:
            self._taken -= 1
            if self._closed and not self._taken:
                self._leave()

    def close(self) -> None:
        """Leave when the last turn that was taken is over: till then it needs the files."""
        with self._lock:
            if not self._closed:
                self._closed = True
                if not self._taken:
                    self._leave()

    def _open(self) -> None:
        self.board = TurnBoard(self._folder)
        try:
            self.desk = Desk(self._folder, self.board.number)
        except OSError:
            self.board.close()
            raise
        self.neighbours = Neighbours(self._folder)

    def _leave(self) -> None:
        self.neighbours.close()
        self.desk.close()
        self.board.close()

    def _let_go(self) -> None:
        self.neighbours.close()
        self.desk.let_go()
        self.board.let_go()


class LocalTurn:
    """A turn among the processes of this machine; see `Turn`."""

    def __init__(self, turns: LocalTurns, ticket: int, *, may_offer: bool) -> None:
        self._turns = turns
        self._board = board = turns.board
        self._sheet = turns.desk.sheet
        self._bell = turns.desk.bell
        self._neighbours = turns.neighbours
        self._ticket = ticket
        self._last = ticket
        self._guests: list[tuple[int, list[Guest]]] = []
        self._may_offer = may_offer
        if may_offer:
            self._sheet.begin(ticket)
        self.offered: list[Append] = []
        self.has_come = board.serving == ticket
        self.head = board.head
        self.was_taken = False
        self._writes_since = monotonic()

    def wait(self, more: Callable[[], list[Append]], deadline_at: float) -> Answer | None:
        try:
            self._await_turn(more, deadline_at)
            self._await_answer(deadline_at)
        finally:
            self.was_taken = bool(self.offered) and not self._sheet.withdraw(self._ticket)
        answer = self._sheet.answer(self._ticket) if self.was_taken else None
        self.was_taken = self.was_taken and answer is None
        self.has_come = answer is None
        self.head = self._board.head
        return answer

    def gather(self, ready: Callable[[], int]) -> None:
        company, experience, began = self._board.company, self._turns.company, monotonic()
        before = here = ready() + self._on_offer()
        now = began
        if here < company.appends and now < company.since + _FRESH_SECONDS and experience.is_good:
            until = began + experience.usual_write
            while here < company.appends and now < until:
                self._bell.wait(_LOOK_FOR_COMPANY_SECONDS)
                here, now = ready() + self._on_offer(), monotonic()
            experience.waited(now - began, before, here)
        self._writes_since = now

    def guests(self, events: int, size: int) -> list[Guest]:
        invited: list[Guest] = []
        following = self._board.following
        while (ticket := self._last + 1) < following and (guests := self._take(ticket, size)):
            self._last = ticket
            self._guests.append((ticket, guests))
            events -= len(guests)
            size -= sum(guest.size for guest in guests)
            if events < 0 or size < 0:
                break  # these do not fit after all: they are told that they were not sent
            invited += guests
        return invited

    def end(self, head: int | None, moment: Moment, written: int) -> None:
        board = self._board
        if board.serving == self._ticket:
            board.company = Company(written + self._on_offer(), now := monotonic())
            self._turns.company.wrote(now - self._writes_since)
        board.tell(head or 0)
        board.advance(self._ticket, self._last + 1)
        if following := self._neighbour(self._last + 1):
            following.bell.ring()
        self.answer_guests(moment)
        self._turns.give_back()

    def answer_guests(self, moment: Moment) -> None:
        """Tell them what became of their appends."""
        for ticket, guests in self._guests:
            if neighbour := self._neighbour(ticket):
                neighbour.sheet.give_answer(ticket, guests, moment)
                neighbour.bell.ring()

    def _await_turn(self, more: Callable[[], list[Append]], deadline_at: float) -> None:
        """Wait for the turn, or for the end of one that has passed it."""
        seen, since = self._board.serving, monotonic()
        while (serving := self._board.serving) < self._ticket and (now := monotonic()) < deadline_at:
            if serving != seen:
                self._turns.saw_one_last(now - since)
                seen, since = serving, now
            if now - since > _PATIENCE_SECONDS:
                self._board.advance(serving, serving + 1)
            self._offer(more)
            # Half of the time that is left, again and again: it looks seldom for what has to be put on offer, too.
            pause = max(_LOOK_SECONDS, (self._turns.usual_length - (now - since)) / 2)
            self._bell.wait(min(pause, deadline_at - now))

    def _await_answer(self, deadline_at: float) -> None:
        """Wait for the answer, which is on its way if the turn was passed by somebody who has taken the offer."""
        until = min(deadline_at, monotonic() + _PATIENCE_SECONDS)
        while self.offered and self._board.serving > self._ticket and self._sheet.is_taken(self._ticket):
            now = monotonic()
            if now >= until or self._sheet.answer(self._ticket) is not None:
                return
            self._bell.wait(min(_LOOK_SECONDS, until - now))

    def _offer(self, more: Callable[[], list[Append]]) -> None:
        """Put on offer what has come, beside what is on offer already, unless that is taken."""
        if self._may_offer and not self._sheet.is_taken(self._ticket) and (new := more()):
            before = len(self.offered)
            self.offered += new
            count = self._sheet.add(self._ticket, new)
            del self.offered[before + count :]
            self._may_offer = count == len(new)

    def _on_offer(self) -> int:
        """How many appends those have on offer that come next."""
        tickets = range(self._last + 1, self._board.following)
        owners = ((ticket, self._neighbour(ticket)) for ticket in tickets)
        return sum(neighbour.sheet.count(ticket) for ticket, neighbour in owners if neighbour)

    def _take(self, ticket: int, size: int) -> list[Guest]:
        neighbour = self._neighbour(ticket)
        return neighbour.sheet.take(ticket, size) if neighbour else []

    def _neighbour(self, ticket: int) -> Neighbour | None:
        number = self._board.owner(ticket)
        return None if number == self._board.number else self._neighbours.get(number)
