"""Appends that wait in one process go out together.

There is no thread for it. The first caller to come becomes the leader: it takes what has been handed in so far, its
own append included, writes that as one batch, lets those go whose appends are settled, and hands the lead to the
caller that has waited longest. A lone append is thus written by its own caller, at once.

Those who are let go wake each other, one after the other, and the last one wakes the next leader. Only one thread of
a process runs at a time: woken all at once, each would wake several times only to find another one running, and the
next leader among them. As it is, those that come back at once with their next append are all in the next batch.
"""

from collections import deque
from collections.abc import Sequence
from threading import Condition, RLock
from time import monotonic
from typing import Protocol

from eventsourcing.persistence import OperationalError

from adapters.mongo.append.append import Append
from adapters.mongo.append.forked import call_after_fork
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import AppendOutcomeUnknownError

_SLOW_SECONDS = 0.001
"""If one has taken longer to wake, this process is busy with other work: all the rest are then woken at once."""

_LOOK_SECONDS = 1.0
"""Whoever has waited so long sees whether somebody has to be helped on."""


class Batch(Protocol):
    """Appends that are written together, by one leader after another until each is settled."""

    @property
    def unsettled(self) -> Sequence[Append]: ...

    def write(self, deadline: Deadline) -> None:
        """Settle what can be settled by then. Returns early when all is; may be called again when not."""

    def abandon(self) -> None:
        """Give up what is not settled; nobody waits for it any more."""


class Waiting(Protocol):
    """The appends that wait to be written, as a batch sees them."""

    def join(self, members: Sequence[Append]) -> list[Append]:
        """Take those out of the queue that fit into a batch beside `members`, its unsettled ones, in order."""

    def admit(self, appends: Sequence[Append]) -> list[Append]:
        """Those whose callers still wait. To be called before they are sent: from then on they may be there."""

    def let_go(self) -> None:
        """Let the callers go whose appends are settled. To be called before waiting for anything but an answer."""


class BatchMaker(Protocol):
    def __call__(self, waiting: Waiting) -> Batch:
        """An empty batch, which takes its appends from `waiting` when it is about to write."""


class GroupCommit:
    """Settles appends in batches, one batch at a time, in the order in which they were handed in.

    One append's failure is its own. Every caller gets an answer by its deadline, whatever becomes of a leader; only the
    leader itself may be kept a little longer, for giving up a batch.
    """

    def __init__(self, make_batch: BatchMaker, max_events: int, max_bytes: int, max_queued: int) -> None:
        self._make_batch = make_batch
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._max_queued = max_queued
        self._closed = False
        self._begin()
        call_after_fork(self)

    def after_fork(self) -> None:
        """This is another process now, in which no other thread goes on."""
        self._begin()

    def _begin(self) -> None:
        """Nobody waits or writes."""
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._outside: deque[Append] = deque()
        self._queue: deque[Append] = deque()
        self._batch: Batch | None = None
        self._members: list[Append] = []
        self._leaving: deque[Append] = deque()
        self._rung_at = 0.0
        self._led = False
        self._lead_is_free = False

    @property
    def waiting(self) -> int:
        """How many appends wait to join a batch."""
        return len(self._queue)

    def submit(self, append: Append) -> None:
        """Settle `append`, together with others, by its deadline; the outcome is left in it.

        Raises OperationalError, with the append not even queued, when the store is closed or too much is waiting.
        """
        try:
            if self._leads_at_once(append) or self._is_chosen(append):
                self._lead(append)
        except BaseException:
            self._leave(append)  # its caller is interrupted: nobody may go on counting on it
            raise

    def close(self, timeout: float) -> None:
        """Refuse new appends, and wait for those handed in to be settled; after `timeout` seconds fail the rest."""
        deadline = Deadline.after(timeout)
        with self._lock:
            self._closed = True
            self._changed.notify_all()
            while self._led and not deadline.passed:
                self._changed.wait(deadline.remaining)
            for append in self._queue:
                append.fail(OperationalError(f"{append} did not take place: the event store was closed"))
                if not append.promoted:  # else it has been rung for
                    append.ring()
            self._queue.clear()

    def _leads_at_once(self, append: Append) -> bool:
        """Queue up; True if nobody leads, so that `append` does."""
        with self._lock:
            self._await_room(append)
            self._queue.append(append)
            if self._led:
                self._help_on()
            else:
                append.promoted = self._led = True
            append.awake = append.promoted
            return append.promoted

    def _await_room(self, append: Append) -> None:
        if not self._closed and (self._outside or len(self._queue) >= self._max_queued):
            try:
                self._outside.append(append)
                self._await_entry(append)
            finally:
                if append in self._outside:
                    self._outside.remove(append)
                self._changed.notify_all()
        if self._closed:
            raise append.failure(OperationalError(f"{append} did not take place: the event store is closed"))

    def _await_entry(self, append: Append) -> None:
        """Wait until it is the first of those outside and there is room for it."""
        while not self._closed and (self._outside[0] is not append or len(self._queue) >= self._max_queued):
            if not self._changed.wait(append.deadline.remaining):
                raise append.failure(
                    OperationalError(
                        f"{append} did not take place: {self._max_queued} others were waiting until its deadline"
                    )
                )

    def _is_chosen(self, append: Append) -> bool:
        """Wait until `append` has to lead (True), or until it is settled, at the latest by its deadline (False)."""
        while not append.wait(_LOOK_SECONDS) and not append.deadline.passed:
            with self._lock:
                self._help_on()
        self._wake(append)
        return append.promoted

    def _wake(self, append: Append) -> None:
        """Its caller waits no more, for whatever reason: let the next one do the same, so that none is forgotten."""
        with self._lock:
            append.awake = True
            if not append.settled and not append.promoted:
                self._give_up(append)
            self._ring_next()

    def join(self, members: Sequence[Append]) -> list[Append]:
        """See `Waiting`. At least one where there is one, unless there are members; one with tracking alone."""
        taken: list[Append] = []
        with self._lock:
            events = sum(len(append.bodies) for append in members)
            size = sum(append.size for append in members)
            first = members[0] if members else None
            while self._queue:
                following = self._queue[0]
                events += len(following.bodies)
                size += following.size
                if first is not None and (
                    first.tracking is not None
                    or following.tracking is not None
                    or events > self._max_events
                    or size > self._max_bytes
                ):
                    break
                first = first or following
                taken.append(self._queue.popleft())
            if taken:
                self._members += taken
                self._changed.notify_all()
        return taken

    def admit(self, appends: Sequence[Append]) -> list[Append]:
        """See `Waiting`."""
        with self._lock:
            admitted = [append for append in appends if not append.settled]
            for append in admitted:
                append.maybe_sent = True
        return admitted

    def let_go(self) -> None:
        """See `Waiting`."""
        with self._lock:
            self._let_go()

    def _lead(self, leader: Append) -> None:
        try:
            self._part_with_batch()
            with self._lock:
                batch = self._batch = self._batch or self._make_batch(self)
            if not leader.settled:
                batch.write(leader.deadline)
        finally:
            self._hand_over(leader)

    def _leave(self, append: Append) -> None:
        self._wake(append)
        if append.promoted:
            self._hand_over(append)

    def _hand_over(self, leader: Append) -> None:
        """Let those go who have their answer, and then another lead."""
        try:
            with self._lock:
                if not leader.settled:
                    self._give_up(leader)
            self._part_with_batch()
        finally:
            with self._lock:
                leader.promoted = False
                self._lead_is_free = True
                self._let_go()

    def _part_with_batch(self) -> None:
        """Give up the batch if nobody has time to wait for it any more; without the lock, since that takes a while."""
        batch, now = self._batch, monotonic()
        if batch is not None and not any(append.deadline.at > now for append in batch.unsettled):
            self._batch = None
            batch.abandon()

    def _let_go(self) -> None:
        leaving = [append for append in self._members if append.settled and not append.awake]
        staying = [append for append in self._members if not append.settled]
        self._leaving.extend(leaving)
        self._members = staying
        self._rung_at = monotonic()
        self._ring_next()

    def _ring_next(self) -> None:
        """Ring for the next of those who are let go, which does the same when it wakes; in the end, choose a leader."""
        now = monotonic()
        all_at_once = now - self._rung_at > _SLOW_SECONDS
        while self._leaving:
            self._leaving[0].ring()
            self._leaving.popleft()
            self._rung_at = now
            if not all_at_once:
                return
        if self._lead_is_free:
            self._choose_leader()

    def _help_on(self) -> None:
        """Ring in the place of somebody who should have done so long ago."""
        if (self._leaving or self._lead_is_free) and monotonic() - self._rung_at > _SLOW_SECONDS:
            self._ring_next()

    def _choose_leader(self) -> None:
        """Let another lead: one of the batch, if it is not finished, or the one that has waited longest."""
        left = self._batch.unsettled if self._batch is not None else ()
        if left or self._queue:
            heir = left[0] if left else self._queue[0]
            heir.promoted = True
            self._lead_is_free = False
            heir.ring()
        else:
            self._led = self._lead_is_free = False
            self._changed.notify_all()

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
