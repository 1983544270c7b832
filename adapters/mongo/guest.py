"""An append that one process writes for another one, which offered it and waits for an answer."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import Tracking

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.documents import StreamKey

_CONFLICT, _NOT_SENT, _MAYBE_SENT = -1, 0, -2


class Guest:
    """An append of one event that another process waits for."""

    __slots__ = (
        "append_id", "bodies", "first_position", "keys", "maybe_sent", "settled", "size", "tracking", "trouble",
    )  # fmt: skip

    needs_transaction = False

    def __init__(self, append_id: UUID, key: StreamKey, body: bytes) -> None:
        self.append_id = append_id
        self.keys = [key]
        self.bodies = [body]
        self.size = len(body)
        self.tracking: Tracking | None = None
        self.settled = False
        self.maybe_sent = False
        self.first_position: int | None = None
        self.trouble = ""

    def succeed(self, first_position: int | None) -> None:
        """It took place."""
        self.first_position, self.settled = first_position, True

    def conflict(self) -> None:
        """It did not take place, because an event of another append has the version of its event."""
        self.settled, self.maybe_sent = True, False

    def fail(self, error: BaseException) -> None:  # noqa: ARG002 - the process that waits shall see for itself
        """It cannot be written here. Its own process has to try."""
        self.settled, self.maybe_sent = True, True

    @property
    def verdict(self) -> int:
        """What its own process is told: its position, or one of the numbers above."""
        if self.first_position is not None:
            return self.first_position
        if self.settled and not self.maybe_sent:
            return _CONFLICT
        return _MAYBE_SENT if self.maybe_sent else _NOT_SENT


class Answer(NamedTuple):
    """What became of the first appends of an offer, those that were taken, and when that shows in reads."""

    verdicts: Sequence[int]
    moment: Moment

    def settle(self, appends: Sequence[Append]) -> tuple[list[Append], list[Append]]:
        """Settle the appends that were on offer, but for those that their own process has to write after all.

        Those that took place, and those that did not because another append has the version they wanted.
        """
        won, lost = [], []
        for append, verdict in zip(appends, self.verdicts, strict=False):
            if verdict > 0:
                append.succeed(verdict)
                won.append(append)
            elif verdict == _CONFLICT:
                append.conflict()
                lost.append(append)
            elif verdict == _NOT_SENT:
                _is_ours_again(append)
        for append in appends[len(self.verdicts) :]:
            _is_ours_again(append)
        return won, lost


def _is_ours_again(append: Append) -> None:
    append.maybe_elsewhere = False
    if not append.settled:
        append.maybe_sent = False
