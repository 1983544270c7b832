"""Appends written together: sent, answered, and cleared up when an answer is lost.

What counts as knowledge about the database:

- A position is used only when the one before it is known to be majority-committed, or is written by the same command.
- What a command wrote counts as written only if its reply has no write concern error.
- That a key is taken is only a reason to look, by a majority read, who has it.
- After a lost answer a fence is written in the same session; only what is read after that tells what took place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import uniform
from time import monotonic, sleep

import pymongo
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from adapters.mongo.append import Append, Pending
from adapters.mongo.client import renew_connections
from adapters.mongo.deadline import Deadline
from adapters.mongo.errors import AppendOutcomeUnknownError, in_library_terms, is_undecided, one_line
from adapters.mongo.event_log import EventLog
from adapters.mongo.group_commit import Waiting
from adapters.mongo.guest import Guest
from adapters.mongo.log_write import Answer, Obstacle, insert_in_transaction, insert_ordered
from adapters.mongo.orphans import end_orphaned_transactions
from adapters.mongo.settlement import compatible, settle_beaten, settle_found, settle_held
from adapters.mongo.turns import Turn

_BLOCKED_SECONDS = 1.0
_LONGEST_PAUSE = 0.25
_TRIES_WHEN_STRAINED = 10
_SHARE_FOR_SENDING = 2 / 3
_GOODBYE_SECONDS = 0.25
_BYTES_PER_SECOND = 5_000_000  # what any server manages; a large append gets so much more time for a try
_LONGEST_PAUSE_FOR_RIVALS = 0.008


@dataclass(frozen=True)
class BatchLimits:
    """Seconds for one try to write, and the most events and bytes written together, unless one append has more."""

    attempt_timeout: float
    max_events: int
    max_bytes: int


class LogBatch:
    """Appends of one process, and of others that wait for it, to be written to `log` together.

    Appends of one event each go out in one ordered insert. When one of them has more events, or tracking,
    all of them go out in one transaction. One that fails leaves the batch, the others are written without it.
    """

    def __init__(self, log: EventLog, waiting: Waiting, limits: BatchLimits, app_name: str) -> None:
        self._log = log
        self._waiting = waiting
        self._limits = limits
        self._app_name = app_name
        self._appends: list[Append] = []
        self._guests: list[Guest] = []
        self._offered: list[Append] = []
        self._session: ClientSession | None = None
        self._in_doubt: Sequence[Append] = ()
        self._one_by_one = False
        self._setbacks = 0
        self._stuck_since = monotonic()
        self._longest_pause = 0.0
        self._written = 0

    @property
    def unsettled(self) -> list[Append]:
        return [append for append in self._appends if not append.settled]

    def write(self, deadline: Deadline) -> None:
        """Settle what can be settled by `deadline`; may be called again when something is left."""
        log = self._log
        self._grow()
        while self.unsettled and not deadline.passed:
            self._written = 0
            turn = log.turns.take()
            try:
                if not turn.has_come:
                    self._wait_for(turn, deadline)
                if turn.has_come:
                    self._gather(turn)
                self._grow()
                if turn.has_come:
                    log.learn(turn.head)
                    self._write(turn, deadline)
            finally:
                self._guests = []  # before they are answered: what they are told must not change
                turn.end(log.head, log.reads.clock.moment, self._written)
        if not self.unsettled:
            self._end_session()

    def _wait_for(self, turn: Turn, deadline: Deadline) -> None:
        """Wait until it is time to write, or until another process has written what waits here."""
        self._waiting.let_go()
        try:
            answer = turn.wait(self._offer, deadline.at)
        finally:
            # If this is an interruption, they stay what they are: somebody may have them, for all that is known.
            offered, self._offered = self._offered, []
        taken = set(map(id, turn.offered)) if turn.was_taken or answer else set()
        for append in offered:
            if id(append) not in taken:
                append.maybe_elsewhere = False
                if not append.settled:
                    append.maybe_sent = False
        if answer is not None:
            self._log.reads.clock.observe_time(*answer.moment)
            won, lost = answer.settle(turn.offered)
            settle_beaten(self.unsettled, won, lost)

    def _gather(self, turn: Turn) -> None:
        """Wait for company, if it may come: other processes write appends of one event only."""
        if not (
            self._in_doubt or self._one_by_one or any(append.needs_transaction for append in self.unsettled)
        ):
            self._waiting.let_go()
            turn.gather(lambda: len(self.unsettled) + self._waiting.waiting)

    def _offer(self) -> list[Append]:
        """What another process may write of what has come since this was asked before: appends of one event."""
        if self._in_doubt or self._one_by_one or (self._offered and not self._waiting.waiting):
            return []
        self._grow()
        others = compatible([*self._offered, *self.unsettled])[len(self._offered) :]
        # What somebody has taken before without an answer is not offered again: withdrawing that would prove nothing.
        wanted = [append for append in others if not append.maybe_elsewhere]
        if any(append.needs_transaction for append in wanted):
            return []
        new = self._waiting.admit(wanted)
        for append in new:
            append.maybe_elsewhere = True
        self._offered += new
        return new

    def _write(self, turn: Turn, deadline: Deadline) -> None:
        while (left := self.unsettled) and not deadline.passed:
            if self._setbacks:
                self._waiting.let_go()
                self._recover(deadline)
                self._grow()
                left = self.unsettled
            session = self._session = self._session or self._begin_session()
            with pymongo.timeout(max(0.001, min(self._time_for(left), self._time_left(deadline)))):
                try:
                    if self._in_doubt:
                        self._clear_up(session)
                    else:
                        self._attempt(session, left, turn)
                except PyMongoError as error:
                    self._could_not_ask(error)

    def abandon(self) -> None:
        """Give up what is not settled; nobody waits for it any more."""
        with pymongo.timeout(_GOODBYE_SECONDS):  # it may have a transaction to abort
            self._end_session()

    def _grow(self) -> None:
        """Take in who has come meanwhile, unless it has to be found out first what became of the others."""
        if not self._in_doubt and not self._one_by_one:
            self._appends += self._waiting.join(self.unsettled)

    def _time_left(self, deadline: Deadline) -> float:
        """For the next step: of the time left, sending leaves a part for finding out what came of it."""
        return deadline.remaining if self._in_doubt else deadline.remaining * _SHARE_FOR_SENDING

    def _time_for(self, appends: Sequence[Append]) -> float:
        return self._limits.attempt_timeout + _size(appends) / _BYTES_PER_SECOND

    def _begin_session(self) -> ClientSession:
        session = self._log.client.start_session(causal_consistency=True)
        self._log.reads.clock.advance(session)
        return session

    def _end_session(self) -> None:
        if self._in_doubt:
            self._log.head = None
            self._in_doubt = ()
        if self._session is not None:
            self._session.end_session()
            self._session = None

    def _attempt(self, session: ClientSession, left: Sequence[Append], turn: Turn) -> None:
        log = self._log
        first = log.first_free_position(session) if log.numbered else None
        appends = self._waiting.admit(compatible(left)[: 1 if self._one_by_one else None])
        if not appends:
            return
        in_transaction = any(append.needs_transaction for append in appends)
        sent: Sequence[Pending] = appends
        if not in_transaction and not self._one_by_one:
            sent = self._with_guests(appends, turn)
        documents = log.documents((body for append in sent for body in append.bodies), first)
        self._in_doubt = appends  # until the answer is here, whatever may happen in between
        for guest in self._guests:
            guest.maybe_sent = True
        if in_transaction:
            answer = insert_in_transaction(log.events, documents, log.trackings, appends, session)
        else:
            answer = insert_ordered(log.events, documents, session)
        if answer.in_doubt:
            log.head = None
            self._guests = []  # whoever waits for them finds out
            self._set_back(answer.error, appends)
        else:
            self._take_note(session, answer, sent, first)

    def _with_guests(self, appends: Sequence[Append], turn: Turn) -> Sequence[Pending]:
        """These, and as many as fit of those that other processes have on offer."""
        limits, guests = self._limits, _unsettled(self._guests)
        self._guests = guests + turn.guests(
            limits.max_events - len(appends) - len(guests), limits.max_bytes - _size(appends) - _size(guests)
        )
        return compatible([*appends, *self._guests]) if self._guests else appends

    def _take_note(
        self, session: ClientSession, answer: Answer, sent: Sequence[Pending], first: int | None
    ) -> None:
        """Settle what an answer settles. Only an ordered insert, of one event each, is ever answered in part."""
        written = len(sent) if answer.obstacle is None else answer.written
        position = first
        for append in sent[:written]:
            append.succeed(position)
            position = None if position is None else position + len(append.bodies)
        self._in_doubt = ()
        self._written += written
        self._log.head = position - 1 if position is not None and answer.obstacle is None else None
        if written:
            self._setbacks, self._stuck_since = 0, monotonic()
            self._log.reads.clock.observe(session)  # what is read from now on comes after it
        others = sent[written:]
        for append in (*others, *self._guests):
            if not append.settled:
                append.maybe_sent = False
        if answer.obstacle is None:
            settle_beaten([*self.unsettled, *_unsettled(self._guests)], sent)
        elif answer.obstacle is Obstacle.KEY_TAKEN:
            left: list[Pending] = [*self.unsettled, *_unsettled(self._guests)]
            if not settle_held(self._log, session, left):
                # Taken here and now, but nobody has it for good yet: it may come free again.
                self._set_back(answer.error, left, rival=True)
        elif answer.obstacle is Obstacle.REFUSED or (
            answer.obstacle is Obstacle.STRAINED and self._setbacks >= _TRIES_WHEN_STRAINED
        ):
            self._refused(answer, others)
        else:
            self._set_back(answer.error, others, rival=answer.obstacle is Obstacle.RIVAL)

    def _refused(self, answer: Answer, others: Sequence[Pending]) -> None:
        """Fail the one that was refused; when it is not known which one it is, find out by sending each alone."""
        if answer.error is not None and (len(others) == 1 or answer.written or self._one_by_one):
            others[0].fail(in_library_terms(answer.error, f"{others[0]} did not take place"))
        else:
            self._one_by_one = True

    def _clear_up(self, session: ClientSession) -> None:
        """Find out what took place of what was sent without being answered."""
        doubtful = [append for append in self._in_doubt if not append.settled]
        if session.in_transaction:
            session.abort_transaction()
        self._log.fence(session)
        settle_found(self._log, session, doubtful)
        self._in_doubt = ()
        self._log.head = None

    def _could_not_ask(self, error: PyMongoError) -> None:
        """A read or a fence failed: what is in doubt stays so, and nothing else has been sent."""
        left = self.unsettled
        if is_undecided(error):
            self._set_back(error, left)
            return
        for append in left:
            if append in self._in_doubt:
                append.fail(AppendOutcomeUnknownError(append.append_id, one_line(error)))
            else:
                append.fail(in_library_terms(error, f"{append} did not take place"))

    def _set_back(
        self, error: PyMongoError | None, appends: Sequence[Pending], *, rival: bool = False
    ) -> None:
        if error is not None:
            renew_connections(self._log.client, error)
        self._setbacks += 1
        self._longest_pause = _LONGEST_PAUSE_FOR_RIVALS if rival else _LONGEST_PAUSE
        trouble = one_line(error) if error is not None else ""
        for append in appends:
            append.trouble = trouble

    def _recover(self, deadline: Deadline) -> None:
        """Wait a little, out of step with others; when it goes on, see whether the dead stand in the way."""
        longest = min(self._longest_pause, 0.004 * 2 ** min(self._setbacks, 10), deadline.remaining)
        sleep(uniform(0, longest))  # noqa: S311 - keeps rivals out of step, guards nothing
        if monotonic() - self._stuck_since > _BLOCKED_SECONDS:
            self._stuck_since = monotonic()
            with pymongo.timeout(max(0.001, min(self._limits.attempt_timeout, deadline.remaining))):
                end_orphaned_transactions(self._log.client, self._app_name)


def _size(appends: Sequence[Pending]) -> int:
    return sum(append.size for append in appends)


def _unsettled(guests: Sequence[Guest]) -> list[Guest]:
    return [guest for guest in guests if not guest.settled]
