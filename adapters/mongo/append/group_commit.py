"""Appends that wait in one process go out together.

There is no thread for it. The first caller to come becomes the leader: it takes what has been handed in so far, its
own append included, has that written as one batch, releases the callers whose appends are resolved, and leaves the
lead to the caller that has waited longest. A lone append is thus written by its own caller, at once.
"""

import os
from collections import deque
from collections.abc import Sequence
from threading import Condition, RLock
from time import sleep
from typing import Protocol
from weakref import WeakSet

from eventsourcing.persistence import OperationalError

from adapters.mongo.append.append import Append, AppendState
from adapters.mongo.append.wake_chain import Caller, WakeChain
from adapters.mongo.append.writer import Admit
from adapters.mongo.connection.deadline import Deadline

_LOOK_SECONDS = 1.0
"""A caller that has waited so long makes sure that the wake chain has not stalled."""


class Writer(Protocol):
    """Where a leader has its batch written."""

    @property
    def takes_more(self) -> bool:
        """Whether further appends may join those that are being written."""

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next attempt."""

    def write(self, appends: Sequence[Append], admit: Admit, deadline: Deadline) -> None:
        """One attempt to resolve these appends by `deadline`. Some may be left: it is called again with those."""

    def end_batch(self) -> None:
        """No caller waits for an append of this batch any more. What is in doubt is given up."""

    def begin_after_fork(self) -> None:
        """This is another process now: forget the batch that the parent writes."""


class GroupCommit:
    """Resolves appends in batches, one batch at a time, in the order in which they were handed in.

    One append's failure is its own. Every caller gets an answer by its deadline, whatever becomes of a leader; only the
    leader itself may be kept a little longer, for giving up a batch.
    """

    def __init__(self, writer: Writer, max_events: int, max_bytes: int, max_queued: int) -> None:
        self._writer = writer
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._max_queued = max_queued
        self._closed = False
        self._begin()
        _groups.add(self)

    def begin_after_fork(self) -> None:
        """This is another process now, in which no other thread goes on."""
        self._writer.begin_after_fork()
        self._begin()

    def _begin(self) -> None:
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._admission: deque[Caller] = deque()
        self._queue: deque[Caller] = deque()
        self._batch: list[Caller] = []
        self._chain = WakeChain(self._choose_leader)
        self._has_leader = False

    @property
    def queued(self) -> int:
        """How many appends wait to join a batch."""
        return len(self._queue)

    def submit(self, append: Append) -> None:
        """Resolve `append`, together with others, by its deadline; the outcome is left in it.

        Raises OperationalError, with the append not even queued, when the store is closed or the queue stays full.
        """
        self._serve(Caller(append))

    def _serve(self, caller: Caller) -> None:
        try:
            if self._leads_at_once(caller) or self._is_chosen(caller):
                self._lead(caller)
        except BaseException:
            self._leave(caller)  # it is interrupted: no other caller may go on counting on it
            raise

    def close(self, timeout: float) -> None:
        """Refuse new appends, and wait for those handed in; after `timeout` seconds fail the rest."""
        deadline = Deadline.after(timeout)
        with self._lock:
            self._closed = True
            self._changed.notify_all()
            while self._has_leader and not deadline.passed:
                self._changed.wait(deadline.remaining)
            for caller in self._queue:
                caller.append.fail(
                    OperationalError(f"{caller.append} was not appended: the event store was closed")
                )
                if not caller.leads:  # else it has been rung for
                    caller.ring()
            self._queue.clear()

    def _leads_at_once(self, caller: Caller) -> bool:
        """Queue up; True if there is no leader, so that `caller` leads."""
        with self._lock:
            self._await_room(caller)
            self._queue.append(caller)
            if self._has_leader:
                self._chain.resume_if_stalled()
            else:
                caller.leads = self._has_leader = True
            caller.awake = caller.leads
            return caller.leads

    def _await_room(self, caller: Caller) -> None:
        if not self._closed and (self._admission or len(self._queue) >= self._max_queued):
            try:
                self._admission.append(caller)
                self._await_admission(caller)
            finally:
                if caller in self._admission:
                    self._admission.remove(caller)
                self._changed.notify_all()
        if self._closed:
            append = caller.append
            raise append.failure(OperationalError(f"{append} was not appended: the event store is closed"))

    def _await_admission(self, caller: Caller) -> None:
        """Wait until it is the first of the admission queue and there is room for it."""
        append = caller.append
        while not self._closed and (self._admission[0] is not caller or len(self._queue) >= self._max_queued):
            if not self._changed.wait(append.deadline.remaining):
                reason = f"the append queue ({self._max_queued}) stayed full until the deadline"
                raise append.failure(OperationalError(f"{append} was not appended: {reason}"))

    def _is_chosen(self, caller: Caller) -> bool:
        """Wait until `caller` has to lead (True), or until its append is resolved, at the latest by its deadline."""
        while not caller.wait(_LOOK_SECONDS) and not caller.append.deadline.passed:
            with self._lock:
                self._chain.resume_if_stalled()
        self._wake(caller)
        return caller.leads

    def _wake(self, caller: Caller) -> None:
        """The caller waits no more, for whatever reason: let the next one do the same, so that none is forgotten."""
        with self._lock:
            caller.awake = True
            if not caller.append.resolved and not caller.leads:
                self._give_up(caller)
            self._chain.resume()

    def _lead(self, leader: Caller) -> None:
        append = leader.append
        try:
            self._end_batch()
            while not append.resolved and not append.deadline.passed:
                self._pause(append.deadline)
                self._writer.write(self._take(), self._admit, append.deadline)
                if not append.resolved:
                    with self._lock:
                        self._chain.release(self._resolved())
        finally:
            self._hand_over(leader)

    def _pause(self, deadline: Deadline) -> None:
        seconds = min(self._writer.pause_seconds, deadline.remaining)
        if seconds:
            sleep(seconds)

    def _take(self) -> list[Append]:
        """The appends to write: those that are left of the batch, and those of the queue that may join and fit in.

        At least one where there is one; one with tracking alone.
        """
        with self._lock:
            batch = [caller.append for caller in self._batch if not caller.append.resolved]
            if not self._queue or not self._writer.takes_more:
                return batch
            events = sum(len(append.bodies) for append in batch)
            size = sum(append.size for append in batch)
            while self._queue:
                following = self._queue[0].append
                events += len(following.bodies)
                size += following.size
                if batch and (
                    batch[0].tracking is not None
                    or following.tracking is not None
                    or events > self._max_events
                    or size > self._max_bytes
                ):
                    break
                batch.append(following)
                self._batch.append(self._queue.popleft())
            self._changed.notify_all()
        return batch

    def _admit(self, appends: Sequence[Append]) -> list[Append]:
        with self._lock:
            admitted = [append for append in appends if not append.resolved]
            for append in admitted:
                append.state = AppendState.SENT
        return admitted

    def _leave(self, caller: Caller) -> None:
        self._wake(caller)
        if caller.leads:
            self._hand_over(caller)

    def _hand_over(self, leader: Caller) -> None:
        """Release the callers whose appends are resolved, and then another one leads."""
        try:
            with self._lock:
                if not leader.append.resolved:
                    self._give_up(leader)
            self._end_batch()
        finally:
            with self._lock:
                leader.leads = False
                self._chain.hand_over(self._resolved())

    def _end_batch(self) -> None:
        """End the batch if no caller has time to wait for it.

        Without the lock, since that may take a while, and since each lock that the leader takes while callers come
        back with their next appends costs it the interpreter: only the leader changes the batch.
        """
        if all(caller.append.resolved or caller.append.deadline.passed for caller in self._batch):
            self._batch = [caller for caller in self._batch if caller.append.resolved]
            self._writer.end_batch()

    def _resolved(self) -> list[Caller]:
        """Take the callers that have their answer out of the batch; those of them that are to be woken."""
        done = [caller for caller in self._batch if caller.append.resolved]
        if done:
            self._batch = [caller for caller in self._batch if not caller.append.resolved]
        return [caller for caller in done if not caller.awake]

    def _choose_leader(self) -> None:
        """Let another caller lead: one of the batch, if it is not finished, or the one that has waited longest."""
        successor = next(
            (caller for caller in (*self._batch, *self._queue) if not caller.append.resolved), None
        )
        if successor is not None:
            successor.leads = True
            successor.ring()
        else:
            self._has_leader = False
            self._changed.notify_all()

    def _give_up(self, caller: Caller) -> None:
        """Tell the caller what is known of its append, whose deadline has passed."""
        if caller in self._queue:
            self._queue.remove(caller)
            self._changed.notify_all()
        caller.append.give_up()


_groups: WeakSet[GroupCommit] = WeakSet()


def _after_fork() -> None:
    for group in list(_groups):
        group.begin_after_fork()


os.register_at_fork(after_in_child=_after_fork)
