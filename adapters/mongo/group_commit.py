"""Appends that wait in one process go out together.

There is no thread for it. The first caller to come becomes the leader: it takes what has been handed in so far, its
own append included, writes that as one batch, wakes those it has settled, and hands the lead to the caller
that has waited longest. A lone append is thus written by its own caller, at once.
"""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition
from time import monotonic
from typing import Protocol

from eventsourcing.persistence import OperationalError

from adapters.mongo.append import Append
from adapters.mongo.deadline import Deadline
from adapters.mongo.errors import AppendOutcomeUnknownError


class Batch(Protocol):
    """Appends that are written together, by one leader after another until each is settled."""

    @property
    def unsettled(self) -> Sequence[Append]: ...

    def write(self, deadline: Deadline) -> None:
        """Settle what can be settled by then. Returns early when all is; may be called again when not."""

    def abandon(self) -> None:
        """Give up what is not settled; nobody waits for it any more."""


class BatchMaker(Protocol):
    def __call__(self, appends: Sequence[Append], admit: Callable[[Sequence[Append]], list[Append]]) -> Batch:
        """A batch of `appends`. Before it sends any of them it asks `admit`, and sends those it gets back."""


class GroupCommit:
    """Settles appends in batches, one batch at a time, in the order in which they were handed in.

    One append's failure is its own. Every caller gets an answer by its deadline, whatever becomes of a leader.
    """

    def __init__(self, make_batch: BatchMaker, max_events: int, max_bytes: int, max_queued: int) -> None:
        self._make_batch = make_batch
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._max_queued = max_queued
        self._changed = Condition()
        self._queue: deque[Append] = deque()
        self._unfinished: Batch | None = None
        self._led = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many appends wait for the next batch."""
        return len(self._queue)

    def submit(self, append: Append) -> None:
        """Settle `append`, together with others, by its deadline; the outcome is left in it.

        Raises OperationalError, with the append not even queued, when the store is closed or too much is waiting.
        """
        with self._changed:
            self._await_room(append)
            self._queue.append(append)
            leading, self._led = not self._led, True
        if leading or self._is_chosen(append):
            self._lead(append)

    def close(self, timeout: float) -> None:
        """Refuse new appends, and wait for those handed in to be settled; after `timeout` seconds fail the rest."""
        deadline = Deadline.after(timeout)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            while self._led and not deadline.passed:
                self._changed.wait(deadline.remaining)
            left = list(self._queue)
            self._queue.clear()
            for append in left:
                append.fail(OperationalError(f"{append} did not take place: the event store was closed"))
        for append in left:
            append.ring()

    def _await_room(self, append: Append) -> None:
        while not self._closed and len(self._queue) >= self._max_queued:
            if not self._changed.wait(append.deadline.remaining):
                raise append.failure(
                    OperationalError(
                        f"{append} did not take place: {self._max_queued} others were waiting until its deadline"
                    )
                )
        if self._closed:
            raise append.failure(OperationalError(f"{append} did not take place: the event store is closed"))

    def _is_chosen(self, append: Append) -> bool:
        """Wait until `append` has to lead (True), or until it is settled, at the latest by its deadline (False)."""
        try:
            append.wait()
        except BaseException:
            self._leave(append)  # its caller is interrupted: nobody may go on counting on it
            raise
        with self._changed:
            if not append.settled and not append.promoted:
                self._give_up(append)
            return not append.settled

    def _lead(self, leader: Append) -> None:
        with self._changed:
            batch, self._unfinished = self._unfinished, None
            if batch is None:
                batch = self._make_batch(self._take(), self._admit)
        members = batch.unsettled
        try:
            batch.write(leader.deadline)
        finally:
            self._hand_over(leader, batch)
            for append in members:
                if append.settled and append is not leader:
                    append.ring()

    def _leave(self, append: Append) -> None:
        with self._changed:
            leads = append.promoted and not append.settled
            batch = self._unfinished
            if not leads and not append.settled:
                self._give_up(append)
        if leads:
            self._hand_over(append, batch)

    def _take(self) -> list[Append]:
        """The next appends of the queue that fit into a batch; at least one, and one with tracking alone."""
        taken = [self._queue.popleft()]
        events, size = len(taken[0].bodies), taken[0].size
        while self._queue and taken[0].tracking is None and self._queue[0].tracking is None:
            events += len(self._queue[0].bodies)
            size += self._queue[0].size
            if events > self._max_events or size > self._max_bytes:
                break
            taken.append(self._queue.popleft())
        self._changed.notify_all()
        return taken

    def _admit(self, appends: Sequence[Append]) -> list[Append]:
        """Those whose callers still wait. From now on they may be in the database."""
        with self._changed:
            admitted = [append for append in appends if not append.settled]
            for append in admitted:
                append.maybe_sent = True
        return admitted

    def _hand_over(self, leader: Append, batch: Batch | None) -> None:
        """Let another lead: one of the batch, if it is not finished, or the one that has waited longest."""
        with self._changed:
            if not leader.settled:
                self._give_up(leader)
            now = monotonic()
            left = batch.unsettled if batch is not None else ()
            heir = next((append for append in left if append.deadline.at > now), None)
            self._unfinished = batch if heir is not None else None
            if heir is None:
                if batch is not None:
                    batch.abandon()
                heir = self._queue[0] if self._queue else None
            if heir is not None:
                heir.promoted = True
            else:
                self._led = False
                self._changed.notify_all()
        if heir is not None:
            heir.ring()

    def _give_up(self, append: Append) -> None:
        """Say what is known of an append whose deadline has passed."""
        if append in self._queue:
            self._queue.remove(append)
            self._changed.notify_all()
        if append.maybe_sent:
            append.fail(AppendOutcomeUnknownError(append.append_id, append.trouble or "its deadline passed"))
        else:
            reason = append.trouble or "others were before it"
            append.fail(OperationalError(f"{append} did not take place within its deadline: {reason}"))
