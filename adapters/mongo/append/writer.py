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

from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from adapters.mongo.append.append import Append
from adapters.mongo.append.event_log import EventLog
from adapters.mongo.append.group_commit import Waiting
from adapters.mongo.append.insert import Answer, Obstacle, insert_in_transaction, insert_ordered
from adapters.mongo.append.resolution import compatible, settle_beaten, settle_found, settle_held
from adapters.mongo.connection.client import renew_connections
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import (
    AppendOutcomeUnknownError,
    in_library_terms,
    is_undecided,
    one_line,
)
from adapters.mongo.connection.orphaned_transactions import end_orphaned_transactions

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
    """Appends of one process, to be written to `log` together.

    Appends of one event each go out in one ordered insert. When one of them has more events, or tracking,
    all of them go out in one transaction. One that fails leaves the batch, the others are written without it.
    """

    def __init__(self, log: EventLog, waiting: Waiting, limits: BatchLimits, app_name: str) -> None:
        self._log = log
        self._waiting = waiting
        self._limits = limits
        self._app_name = app_name
        self._appends: list[Append] = []
        self._session: ClientSession | None = None
        self._in_doubt: Sequence[Append] = ()
        self._one_by_one = False
        self._setbacks = 0
        self._stuck_since = monotonic()
        self._longest_pause = 0.0

    @property
    def unsettled(self) -> list[Append]:
        return [append for append in self._appends if not append.settled]

    def write(self, deadline: Deadline) -> None:
        """Settle what can be settled by `deadline`; may be called again when something is left."""
        self._grow()
        while (left := self.unsettled) and not deadline.passed:
            if self._setbacks:
                self._waiting.let_go()
                self._recover(deadline)
                self._grow()
                left = self.unsettled
            session = self._session = self._session or self._begin_session()
            with deadline.limit(min(self._time_for(left), self._time_left(deadline))):
                try:
                    if self._in_doubt:
                        self._clear_up(session)
                    else:
                        self._attempt(session, left)
                except PyMongoError as error:
                    self._could_not_ask(error)
        if not self.unsettled:
            self._end_session()

    def abandon(self) -> None:
        """Give up what is not settled; nobody waits for it any more."""
        with Deadline.after(_GOODBYE_SECONDS).limit():  # it may have a transaction to abort
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

    def _attempt(self, session: ClientSession, left: Sequence[Append]) -> None:
        log = self._log
        first = log.first_free_position(session) if log.numbered else None
        appends = self._waiting.admit(compatible(left)[: 1 if self._one_by_one else None])
        if not appends:
            return
        documents = log.documents((body for append in appends for body in append.bodies), first)
        self._in_doubt = appends  # until the answer is here, whatever may happen in between
        if any(append.needs_transaction for append in appends):
            answer = insert_in_transaction(log.events, documents, log.trackings, appends, session)
        else:
            answer = insert_ordered(log.events, documents, session)
        if answer.in_doubt:
            log.head = None
            self._set_back(answer.error, appends)
        else:
            self._take_note(session, answer, appends, first)

    def _take_note(
        self, session: ClientSession, answer: Answer, sent: Sequence[Append], first: int | None
    ) -> None:
        """Settle what an answer settles. Only an ordered insert, of one event each, is ever answered in part."""
        written = len(sent) if answer.obstacle is None else answer.written
        position = first
        for append in sent[:written]:
            append.succeed(position)
            position = None if position is None else position + len(append.bodies)
        self._in_doubt = ()
        self._log.head = position - 1 if position is not None and answer.obstacle is None else None
        if written:
            self._setbacks, self._stuck_since = 0, monotonic()
            self._log.reads.clock.observe(session)  # what is read from now on comes after it
        others = sent[written:]
        for append in others:
            append.maybe_sent = False
        if answer.obstacle is None:
            settle_beaten(self.unsettled, sent)
        elif answer.obstacle is Obstacle.KEY_TAKEN:
            if not settle_held(self._log, session, self.unsettled):
                # Taken here and now, but nobody has it for good yet: it may come free again.
                self._set_back(answer.error, self.unsettled, rival=True)
        elif answer.obstacle is Obstacle.REFUSED or (
            answer.obstacle is Obstacle.STRAINED and self._setbacks >= _TRIES_WHEN_STRAINED
        ):
            self._refused(answer, others)
        else:
            self._set_back(answer.error, others, rival=answer.obstacle is Obstacle.RIVAL)

    def _refused(self, answer: Answer, others: Sequence[Append]) -> None:
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
        self, error: PyMongoError | None, appends: Sequence[Append], *, rival: bool = False
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
            with deadline.limit(self._limits.attempt_timeout):
                end_orphaned_transactions(self._log.client, self._app_name)


def _size(appends: Sequence[Append]) -> int:
    return sum(append.size for append in appends)
