"""Callers that have their answer wake each other, one after the other, and the last one wakes the next leader.

Only one thread of a process runs at a time: woken all at once, each would wake several times only to find another one
running, and the next leader among them. As it is, the callers that come back at once with their next append are all in
the next batch (record 009).
"""

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic

from adapters.mongo.append.append import Append

_SLOW_SECONDS = 0.001
"""A caller that takes longer to wake shows that its process is busy: all the rest are then woken at once."""


class Caller:
    """The thread that waits for an append."""

    __slots__ = ("_bell", "append", "awake", "leads")

    def __init__(self, append: Append) -> None:
        self.append = append
        self.awake = False
        self.leads = False
        self._bell = allocate_lock()
        self._bell.acquire()

    def ring(self) -> None:
        """Wake the thread. Once is enough, twice does no harm."""
        if self._bell.locked():
            self._bell.release()

    def wait(self, seconds: float) -> bool:
        """Wait until it is rung for; False when that time, or the deadline of its append, passes before."""
        return self._bell.acquire(timeout=min(self.append.deadline.remaining, seconds))


class WakeChain:
    """The callers that are to be woken, in order, and a successor of the leader after them.

    Every method is called with the lock of the group commit held.
    """

    def __init__(self, choose_successor: Callable[[], None]) -> None:
        """`choose_successor` is called once after each `hand_over`, when every caller before has woken."""
        self._choose_successor = choose_successor
        self._sleeping: deque[Caller] = deque()
        self._rung_at = 0.0
        self._successor_is_due = False

    def release(self, callers: Iterable[Caller]) -> None:
        """Wake these callers."""
        self._sleeping.extend(callers)
        self._rung_at = monotonic()
        self.resume()

    def hand_over(self, callers: Iterable[Caller]) -> None:
        """Wake these callers, and then choose the next leader."""
        self._successor_is_due = True
        self.release(callers)

    def resume(self) -> None:
        """Ring for the next caller, which calls this when it wakes; at the end choose the next leader."""
        now = monotonic()
        all_at_once = now - self._rung_at > _SLOW_SECONDS
        while self._sleeping:
            self._sleeping[0].ring()
            self._sleeping.popleft()  # after the ring: an interruption between the two must not lose it
            self._rung_at = now
            if not all_at_once:
                return
        if self._successor_is_due:
            self._choose_successor()
            self._successor_is_due = False

    def resume_if_stalled(self) -> None:
        """Ring in place of a caller that should have woken long ago."""
        if (self._sleeping or self._successor_is_due) and monotonic() - self._rung_at > _SLOW_SECONDS:
            self.resume()
