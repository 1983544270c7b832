"""Who writes next: what a batch asks before it writes to a log.

A turn is a hint, and so is an offer. Positions and streams are guarded by the log itself: whoever writes without a
turn wins or loses as ever, and an append that its own process and another one both write is there once, since only
one event can have its stream and version.
"""

from collections.abc import Callable
from typing import Protocol

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.guest import Answer, Guest


class Turn(Protocol):
    """A place in the row of those that write."""

    has_come: bool
    """Whether it is time to write. It never comes for one whose offer was answered before."""

    head: int
    """The greatest position that another process knows to be majority-committed; 0 when none is known."""

    def wait(self, more: Callable[[], list[Append]], deadline_at: float) -> Answer | None:
        """Wait until the turn has come or an offer was answered; give up waiting for those who take too long.

        `more` gives the appends to put on offer, and is asked again, until another process takes them, for those
        that have come meanwhile; `offered` has all of them. None when there is no answer: events that were on offer
        may then be in the log if `was_taken`.
        """

    offered: list[Append]
    """What was on offer in the end."""

    was_taken: bool
    """Whether another process has taken the offer, so that it may have written it."""

    def guests(self, events: int, size: int) -> list[Guest]:
        """What others have on offer: as many appends as fit, in order."""

    def gather(self, ready: Callable[[], int]) -> None:
        """Wait a moment for those who have just got their answers, if they use to come back at once.

        So all of them write as one. `ready` says how many appends wait in this process.
        """

    def end(self, head: int | None, moment: Moment, written: int) -> None:
        """Let the next one write, and answer the guests, whose appends show from `moment` on.

        `written` is the number of appends, with those of the guests, that took place in this turn.
        """


class Turns(Protocol):
    """Who writes next."""

    def take(self) -> Turn:
        """Take a place in the row. Whoever has taken one ends it, or others have to wait for nothing."""

    def close(self) -> None: ...


class _Free:
    """The turn of one that asks nobody."""

    has_come = True
    head = 0
    was_taken = False

    def __init__(self) -> None:
        self.offered: list[Append] = []

    def wait(self, more: Callable[[], list[Append]], deadline_at: float) -> Answer | None:  # noqa: ARG002
        return None

    def guests(self, events: int, size: int) -> list[Guest]:  # noqa: ARG002
        return []

    def gather(self, ready: Callable[[], int]) -> None: ...

    def end(self, head: int | None, moment: Moment, written: int) -> None: ...


FREE: Turn = _Free()
"""For whoever need not wait, or cannot."""


class NoTurns:
    """Everybody writes when they like."""

    def take(self) -> Turn:
        return FREE

    def close(self) -> None: ...
