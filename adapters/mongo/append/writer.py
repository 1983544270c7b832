"""Writes batches of appends: sends them, reads the replies, and resolves appends in doubt when a reply is lost.

Knowledge about the database is:

- A position is used only when the one before it is known to be majority-committed, or is written by the same command.
- An event counts as written only if the reply to its command has no write concern error.
- A duplicate key is only a reason to look, by a majority read, which append holds the key.
- After a lost reply a fence is written in the same session; only a read after the fence tells what took place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import uniform
from time import monotonic
from typing import TypeAlias

from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from adapters.mongo.append.append import Append
from adapters.mongo.append.claim import Claims
from adapters.mongo.append.commit_delay import CommitDelay
from adapters.mongo.append.event_log import EventLog
from adapters.mongo.append.insert import Failure, WriteResult
from adapters.mongo.append.resolution import resolve_by_holders, resolve_duplicates, without_duplicates
from adapters.mongo.connection.client import renew_connections
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import (
    AppendOutcomeUnknownError,
    in_library_terms,
    is_undecided,
    one_line,
)
from adapters.mongo.connection.orphaned_transactions import OrphanWatch

_LONGEST_PAUSE = 0.25
_FIRST_PAUSE = 0.004
_MOST_PAUSES = 10
_TRIES_WHEN_OVERLOADED = 10
_TRIES_AT_A_HELD_POSITION = 2
_SHARE_FOR_SENDING = 2 / 3
_GOODBYE_SECONDS = 0.25
_BYTES_PER_SECOND = 5_000_000  # what any server manages; a large append gets so much more time for a try

Admit: TypeAlias = Callable[[Sequence[Append]], list[Append]]
"""Marks appends as SENT, and returns those whose callers still wait. Called right before they are sent."""


@dataclass(frozen=True)
class BatchLimits:
    """Seconds for one try to write, and the most events and bytes written together, unless one append has more."""

    attempt_timeout: float
    max_events: int
    max_bytes: int


class BatchWriter:
    """Writes appends to `log`, one attempt at a time. One thread at a time may use it.

    Appends of one event each go out in one ordered insert. When one of them has more events, or tracking, all of them
    go out in one transaction. One that fails leaves the batch, the others are written without it.
    """

    def __init__(self, log: EventLog, limits: BatchLimits, app_name: str) -> None:
        self._log = log
        self._limits = limits
        self._orphans = OrphanWatch(log.client, app_name, limits.attempt_timeout, patience_factor=1.0)
        self._delay = CommitDelay()
        self._claims = Claims(log.read_head)
        self._session: ClientSession | None = None
        self._in_doubt: Sequence[Append] = ()
        self._suspects: Sequence[Append] = ()
        self._setbacks = 0
        self._tries = 0

    @property
    def takes_more(self) -> bool:
        """Whether further appends may join those that are being written: not while one of them is in doubt."""
        return not self._in_doubt and not self._one_by_one

    @property
    def _one_by_one(self) -> bool:
        """Whether each append is sent alone, to find out which one was refused."""
        return any(not append.resolved for append in self._suspects)

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next attempt, out of step with other processes."""
        if self._setbacks:
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._setbacks, _MOST_PAUSES))
            return uniform(0, longest)  # noqa: S311 - keeps writers out of step, guards nothing
        return 0.0 if self._tries else self._delay.draw()

    def write(self, appends: Sequence[Append], admit: Admit, deadline: Deadline) -> None:
        """One attempt to resolve these appends by `deadline`. Some may be left: call again with those."""
        if self._tries:
            self._orphans.blocked(deadline)
        else:
            self._orphans.progressed()
            self._claims.begin_batch()
            if self._delay.outlasts_head:
                self._log.forget_head()
        self._tries += 1
        session = self._session = self._session or self._begin_session()
        with deadline.limit(min(self._time_for(appends), self._time_left(deadline))):
            try:
                if self._in_doubt:
                    self._resolve_doubts(session)
                else:
                    self._attempt(session, appends, admit)
            except PyMongoError as error:
                self._could_not_ask(error, appends)

    def end_batch(self) -> None:
        """No caller waits for an append of this batch any more. What is in doubt is given up."""
        if self._in_doubt:
            self._log.forget_head()
        session, self._session = self._session, None
        self._in_doubt = self._suspects = ()
        self._setbacks = self._tries = 0
        if session is not None:
            with Deadline.after(_GOODBYE_SECONDS).limit():  # it may have a transaction to abort
                session.end_session()

    def begin_after_fork(self) -> None:
        """This is another process now: forget the batch that the parent writes, and leave its session alone."""
        self._session = None
        self.end_batch()

    def _time_left(self, deadline: Deadline) -> float:
        """For the next step: of the time left, sending leaves a part for resolving doubts."""
        return deadline.remaining if self._in_doubt else deadline.remaining * _SHARE_FOR_SENDING

    def _time_for(self, appends: Sequence[Append]) -> float:
        return self._limits.attempt_timeout + sum(append.size for append in appends) / _BYTES_PER_SECOND

    def _begin_session(self) -> ClientSession:
        session = self._log.client.start_session(causal_consistency=True)
        self._log.reads.clock.advance(session)
        return session

    def _attempt(self, session: ClientSession, appends: Sequence[Append], admit: Admit) -> None:
        first = self._log.first_free_position(session)
        chosen = without_duplicates(appends)
        admitted = admit(chosen[:1] if self._one_by_one else chosen)
        if not admitted:
            return
        self._in_doubt = admitted  # until the reply is here, whatever may happen in between
        sent_at = monotonic()
        place = None if first is None else self._claims.place(first)
        if place is None or place == first:
            result = self._log.insert(admitted, first, session)
        else:
            result = self._log.insert_ahead(admitted, place, session, self._claims.wait)
        if result.in_doubt:
            for append in admitted:
                append.doubt()
            self._set_back(result.error, admitted)
        else:
            if result.failure is None and place == first:
                self._delay.won(len(admitted), monotonic() - sent_at)
            self._take_note(session, result, admitted, place, appends)

    def _take_note(
        self,
        session: ClientSession,
        result: WriteResult,
        sent: Sequence[Append],
        first: int | None,
        appends: Sequence[Append],
    ) -> None:
        """Resolve what a reply tells. Only an ordered insert, of one event each, is ever written in part."""
        written = len(sent) if result.failure is None else result.written
        position = first
        for append in sent[:written]:
            append.succeed(position)
            position = None if position is None else position + len(append.bodies)
        self._in_doubt = ()
        others = sent[written:]
        for append in others:
            append.requeue()
        if written:
            self._setbacks = self._tries = 0
            self._claims.won()
            self._log.reads.clock.observe(session)  # what is read from now on comes after it
        left = [append for append in appends if not append.resolved]
        if result.failure is None:
            resolve_duplicates(left, sent)
        elif result.failure is Failure.POSITION_CONFLICT:
            self._delay.lost()
            self._claims.lost()
            if result.is_held and self._tries > _TRIES_AT_A_HELD_POSITION:
                self._set_back(
                    result.error, others
                )  # else it would try in vain, without a pause, until that commits
            else:
                self._note_trouble(result.error, others)
        elif result.failure is Failure.VERSION_CONFLICT:
            if not resolve_by_holders(self._log, session, left):
                # Taken here and now, but no append holds it for good yet: it may come free again.
                self._set_back(result.error, left)
        elif result.failure is Failure.PERMANENT or (
            result.failure is Failure.OVERLOADED and self._setbacks >= _TRIES_WHEN_OVERLOADED
        ):
            self._refused(result, others)
        else:
            self._set_back(result.error, others)

    def _refused(self, result: WriteResult, others: Sequence[Append]) -> None:
        """Fail the append that was refused; when it is not known which one, find out by sending each alone."""
        if result.error is not None and (len(others) == 1 or result.written or self._one_by_one):
            advice = ""
            if result.failure is Failure.OVERLOADED:
                advice = f" (its {others[0].size:,} bytes overfill the server's cache: append less at once)"
            others[0].fail(in_library_terms(result.error, f"{others[0]} was not appended{advice}"))
        else:
            self._suspects = others

    def _resolve_doubts(self, session: ClientSession) -> None:
        """Find out what took place of what was sent without being answered."""
        if session.in_transaction:
            session.abort_transaction()
        self._log.fence(session)
        doubtful = [append for append in self._in_doubt if not append.resolved]
        resolve_by_holders(self._log, session, doubtful)
        for append in doubtful:
            append.requeue()
        self._in_doubt = ()
        self._log.forget_head()

    def _could_not_ask(self, error: PyMongoError, appends: Sequence[Append]) -> None:
        """A read or a fence failed: what is in doubt stays so, and nothing else has been sent."""
        left = [append for append in appends if not append.resolved]
        if is_undecided(error):
            self._set_back(error, left)
            return
        for append in left:
            if append in self._in_doubt:
                append.fail(AppendOutcomeUnknownError(append.append_id, one_line(error)))
            else:
                append.fail(in_library_terms(error, f"{append} was not appended"))

    def _set_back(self, error: PyMongoError | None, appends: Sequence[Append]) -> None:
        if error is not None:
            renew_connections(self._log.client, error)
        self._setbacks += 1
        self._note_trouble(error, appends)

    def _note_trouble(self, error: PyMongoError | None, appends: Sequence[Append]) -> None:
        trouble = one_line(error) if error is not None else ""
        for append in appends:
            append.trouble = trouble
