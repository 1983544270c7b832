"""Processes of one user on one machine that write to one log take turns, and take each other's appends along.

Whoever has the turn writes not only its own appends but also those that the others have on offer, so that one commit
carries what all of them have waiting, as it does for the threads of one process. Nobody waits long for anybody, and
one whose offer was taken but not answered just goes on by itself.

Turns are given out in the order in which they are asked for. Whoever has had one tells the next the greatest position
that it knows to be majority-committed, which saves that one a read.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.offers import Answer, Guest, Offers
from adapters.mongo.turn_board import TurnBoard
from adapters.mongo.turns import FREE, Turn

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
        self.board = TurnBoard(folder, self._offers.wipe)

    def take(self) -> Turn:
        with self._lock:
            if self._closed:
                return FREE
            if self.board.process != os.getpid():
                # Its locks are those of the process that this one was forked from, too.
                self.board.let_go()
                self.board = TurnBoard(self._folder, self._offers.wipe)
                self._taken = 0
            if self.board.is_alone or (ticket := self.board.take_ticket()) is None:
                return FREE
            self._taken += 1
        return _LocalTurn(self, self.board, self._offers, ticket)

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
        self.has_come = board.serving == ticket
        self.head = board.head
        self.was_taken = False

    def wait(self, offer: Sequence[Append], deadline_at: float) -> Answer | None:
        on_offer = bool(offer) and self._offers.make(self._ticket, offer)
        self._await(deadline_at)
        withdrawn = not on_offer or self._offers.withdraw(self._ticket)
        answer = None if withdrawn else self._offers.answer(self._ticket)
        self.was_taken = not withdrawn and answer is None
        self.has_come = answer is None
        self.head = self._board.head
        return answer

    def guests(self, events: int, size: int) -> list[Guest]:
        invited: list[Guest] = []
        following = self._board.following
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
        self._board.tell(head or 0)
        self._board.advance(self._ticket, self._last + 1)
        self._turns.give_back()

    def _await(self, deadline_at: float) -> None:
        """Wait for the turn, or for another's end that has passed it."""
        seen, since, pause = -1, monotonic(), _FIRST_LOOK_SECONDS
        while True:
            serving, now = self._board.serving, monotonic()
            if serving >= self._ticket or now >= deadline_at:
                return
            if serving != seen:
                seen, since = serving, now
            elif now - since > _PATIENCE_SECONDS:
                self._board.advance(serving, serving + 1)
            sleep(pause)
            pause = _POLL_SECONDS * (self._ticket - serving)
