"""A place ahead of the end of the log, for a writer that loses again and again (record 016).

A guess is lost when another process appends between the read of the end and the insert. A process that is slower than
another one, because its interpreter or its network is, would lose nearly every one. So after some losses in a row it
inserts at a position that the others have not reached yet, in a transaction, waits until the log has grown up to
there, and commits. The others cannot pass: their inserts at that position wait for the commit, and lose.
"""

from collections.abc import Callable
from time import monotonic, sleep

_PATIENCE_SECONDS = 0.5
_LEAST_PATIENCE_SECONDS = 0.05
_MOST_AHEAD = 1000
_LEEWAY = 1.5
_SHORTEST_STOP_SECONDS, _LONGEST_STOP_SECONDS = 0.03, 0.25
_LONGEST_WAIT_SECONDS = 1.0
_BETWEEN_LOOKS_SECONDS = 0.001


class Claims:
    """Whether to claim a place, how far ahead, and the wait until the log has grown up to it."""

    def __init__(self, read_head: Callable[[], int]) -> None:
        """`read_head` tells the greatest position that is majority-committed."""
        self._read_head = read_head
        self._patience = _PATIENCE_SECONDS
        self._loses_since: float | None = None
        self._growth = 1.0
        self._attempt_seconds = 0.0
        self._looked_at = 0.0
        self._place: int | None = None
        self._first_free: int | None = None
        self._stalled = False

    def begin_batch(self) -> None:
        """Another batch, of which none has been lost."""
        self._place = self._first_free = self._loses_since = None

    @property
    def is_due(self) -> bool:
        """Whether the writer has lost for so long that guesses are in vain."""
        return self._loses_since is not None and monotonic() - self._loses_since > self._patience

    def place(self, first_free: int) -> int:
        """Where to insert when this is the first free position: there, or at a place to claim."""
        self._place = None
        now = monotonic()
        if self._loses_since is not None and self._first_free is not None:
            self._learn(first_free - self._first_free)  # in one attempt
            self._attempt_seconds += (now - self._looked_at - self._attempt_seconds) / 2
        self._first_free, self._looked_at = first_free, now
        if not self.is_due:
            return first_free
        self._place = first_free + min(_MOST_AHEAD, round(_LEEWAY * self._growth))
        return self._place

    @property
    def _stop_seconds(self) -> float:
        """How long the log may stand still while others append: two attempts, each of which has seen a commit."""
        return min(_LONGEST_STOP_SECONDS, max(_SHORTEST_STOP_SECONDS, 2 * self._attempt_seconds))

    def _learn(self, growth: int) -> None:
        self._growth = max(1.0, self._growth + (growth - self._growth) / 2)

    def wait(self) -> int:
        """Wait until the log has grown up to the claimed place, or stops, or grows too slowly; the last position then.

        It stops before the place when others need more positions than are left, or have nothing to append.
        """
        place, head = self._place, self._read_head()
        assert place is not None and self._first_free is not None  # noqa: S101, PT018 - there is a claim
        self._learn(head + 1 - self._first_free)
        gives_up_at = monotonic() + _LONGEST_WAIT_SECONDS
        stops_at = monotonic() + self._stop_seconds
        while head != place - 1:
            if monotonic() > stops_at:
                self._stalled = True
                break
            if monotonic() > gives_up_at:
                self._growth /= 4  # of which a lost claim takes back the half
                break
            sleep(_BETWEEN_LOOKS_SECONDS)
            before, head = head, self._read_head()
            if head > before:
                stops_at = monotonic() + self._stop_seconds
        return head

    def won(self) -> None:
        """Something was written: by a guess, or by a claim, which the next batch may need sooner then."""
        if self._place is None:
            self._patience = min(_PATIENCE_SECONDS, 2 * self._patience)
        else:
            self._patience = max(_LEAST_PATIENCE_SECONDS, self._patience / 2)
        self._place = self._first_free = self._loses_since = None

    def lost(self) -> None:
        """Another process had written at the position, or claimed it: the next claim is further ahead."""
        if self._stalled:
            self._loses_since = None  # the end of the log is free at this moment: guess
        elif self._place is not None:
            self._growth *= 2
        elif self._loses_since is None:
            self._loses_since = monotonic()
        if self._place is not None:
            self._first_free = None
        self._place, self._stalled = None, False
