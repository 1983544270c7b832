"""One append: the events of one call, encoded, and its outcome."""

from collections.abc import Sequence
from enum import Enum, auto
from uuid import UUID

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent, Tracking

from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import AppendOutcomeUnknownError
from adapters.mongo.encoding.event_documents import describe, event_bodies, stream_key


class AppendState(Enum):
    """How far an append has come. The last four are final."""

    QUEUED = auto()
    """Nothing of it has been sent, or it is certain that nothing of what was sent took place."""
    SENT = auto()
    """It is in a command that is not answered yet."""
    IN_DOUBT = auto()
    """The answer to that command was lost."""
    APPENDED = auto()
    CONFLICT = auto()
    """An event of another append has one of its versions."""
    FAILED = auto()
    """It was not appended, for another reason."""
    UNKNOWN = auto()
    """Its deadline passed while it was SENT or IN_DOUBT."""


class Append:
    """The events of one call of `insert_events`. The first group of attributes never changes; the rest is its outcome.

    The leader of a group commit moves the state. The caller gives up at its deadline, perhaps at the same moment: an
    error is final, whatever the leader finds out later.
    """

    __slots__ = (
        "append_id",
        "bodies",
        "deadline",
        "error",
        "events",
        "first_position",
        "is_repeat",
        "keys",
        "size",
        "state",
        "tracking",
        "trouble",
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
        self.state = AppendState.QUEUED
        self.first_position: int | None = None
        self.error: BaseException | None = None
        self.trouble = ""
        """Why the last try to write it did not succeed."""

    def __str__(self) -> str:
        if not self.events:
            return f"the append of {self.tracking}"
        others = f" and {len(self.events) - 1} more" if len(self.events) > 1 else ""
        return f"the append of {describe(self.events[0])}{others}"

    @property
    def resolved(self) -> bool:
        """Whether its outcome is known, or given up."""
        return self.error is not None or self.state is AppendState.APPENDED

    @property
    def needs_transaction(self) -> bool:
        """Whether more than one document has to be written for it."""
        return len(self.bodies) != 1 or self.tracking is not None

    def doubt(self) -> None:
        """The answer to the command that it was sent in was lost."""
        if not self.resolved:
            self.state = AppendState.IN_DOUBT

    def requeue(self) -> None:
        """It is certain that nothing of it is there, nor ever will be by what has been sent so far."""
        if not self.resolved:
            self.state = AppendState.QUEUED

    def succeed(self, first_position: int | None) -> None:
        """It took place; its events are at `first_position` and the positions after it."""
        self.first_position = first_position
        self.state = AppendState.APPENDED

    def conflict(self) -> None:
        """It was not appended, because an event of another append has the version of one of its events."""
        self.error = IntegrityError(f"{self} was not appended: a version in it is already recorded")
        self.state = AppendState.CONFLICT

    def fail(self, error: BaseException) -> None:
        """It was not appended, for the reason in `error`; or AppendOutcomeUnknownError says that this is not known."""
        self.error = self.failure(error)
        unknown = isinstance(self.error, AppendOutcomeUnknownError)
        self.state = AppendState.UNKNOWN if unknown else AppendState.FAILED

    def give_up(self) -> None:
        """Its deadline has passed."""
        if self.state is not AppendState.QUEUED:
            self.fail(AppendOutcomeUnknownError(self.append_id, self.trouble or "its deadline passed"))
        else:
            reason = self.trouble or "still queued"
            self.fail(OperationalError(f"{self} was not appended before its deadline: {reason}"))

    def failure(self, error: BaseException) -> BaseException:
        """The error that the caller gets for `error`.

        A repeat that did not get through says nothing of the earlier call. That another append has its version, or
        that it cannot be stored, is certain for both.
        """
        certain = (IntegrityError, AppendOutcomeUnknownError)
        if self.is_repeat and isinstance(error, OperationalError) and not isinstance(error, certain):
            return AppendOutcomeUnknownError(self.append_id, str(error))
        return error

    def positions(self) -> list[int] | None:
        """The positions of its events, or None where there is no log.

        Raises the error it failed with.
        """
        if self.error is not None:
            raise self.error
        if self.first_position is None:
            return None if self.bodies else []
        return list(range(self.first_position, self.first_position + len(self.bodies)))
