"""One append on its way into the store."""

from _thread import allocate_lock
from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent, Tracking

from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import AppendOutcomeUnknownError
from adapters.mongo.encoding.event_documents import describe, event_bodies, stream_key


class Append:
    """The events of one call of `insert_events`, encoded, and what becomes of them.

    Made in the thread of the caller, which then waits for it to be settled. All but `_bell` belongs to whoever
    writes it; see `GroupCommit` for who that is.
    """

    __slots__ = (
        "_bell", "append_id", "awake", "bodies", "deadline", "error", "events", "first_position",
        "is_repeat", "keys", "maybe_sent", "promoted", "settled", "size", "tracking", "trouble",
    )  # fmt: skip

    def __init__(
        self,
        events: Sequence[StoredEvent],
        append_id: UUID,
        deadline: Deadline,
        tracking: Tracking | None = None,
        *,
        is_repeat: bool = False,
    ) -> None:
        """`is_repeat` says that an earlier call may have sent the same append, under the same id.

        Raises IntegrityError when two of the events have one stream and version, DataError when one
        cannot be stored.
        """
        self.events = events
        self.append_id = append_id
        self.deadline = deadline
        self.tracking = tracking
        self.is_repeat = is_repeat
        self.bodies = event_bodies(events, append_id)
        self.size = sum(map(len, self.bodies))
        self.keys = [stream_key(event.originator_id, event.originator_version) for event in events]
        if len(self.keys) > 1 and len(set(self.keys)) < len(self.keys):
            raise IntegrityError("two events of one append have the same stream and version")
        self.settled = False
        self.promoted = False
        self.awake = False
        self.maybe_sent = False
        self.first_position: int | None = None
        self.error: BaseException | None = None
        self.trouble = ""
        self._bell = allocate_lock()
        self._bell.acquire()

    def __str__(self) -> str:
        if not self.events:
            return f"the append of {self.tracking}"
        others = f" and {len(self.events) - 1} more" if len(self.events) > 1 else ""
        return f"the append of {describe(self.events[0])}{others}"

    @property
    def needs_transaction(self) -> bool:
        """Whether more than one document has to be written for it."""
        return len(self.bodies) != 1 or self.tracking is not None

    def succeed(self, first_position: int | None) -> None:
        """It took place; its events are at `first_position` and the positions after it."""
        self.first_position = first_position
        self.settled = True

    def fail(self, error: BaseException) -> None:
        """It did not take place, or nobody will find out."""
        self.error = self.failure(error)
        self.settled = True

    def failure(self, error: BaseException) -> BaseException:
        """What the caller is told.

        That it did not get through says nothing of an earlier call that it repeats. That another append has its
        version, or that it cannot be stored, is certain for both.
        """
        if isinstance(error, (IntegrityError, AppendOutcomeUnknownError)):
            return error
        if self.is_repeat and isinstance(error, OperationalError):
            return AppendOutcomeUnknownError(self.append_id, str(error))
        return error

    def conflict(self) -> None:
        """It did not take place, because an event of another append has the version of one of its events."""
        self.fail(IntegrityError(f"{self} did not take place: a version in it is already recorded"))

    def ring(self) -> None:
        """Wake the thread that waits for it. Once is enough, twice does no harm."""
        if self._bell.locked():
            self._bell.release()

    def wait(self, seconds: float) -> bool:
        """Wait until it is rung for; False when that time, or its deadline, passes before."""
        return self._bell.acquire(timeout=min(self.deadline.remaining, seconds))

    def positions(self) -> list[int] | None:
        """The positions of its events, or None where there is no log.

        Raises the error it failed with.
        """
        if self.error is not None:
            raise self.error
        if self.first_position is None:
            return None if self.bodies else []
        return list(range(self.first_position, self.first_position + len(self.bodies)))
