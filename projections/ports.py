"""The ports of the projector and of the queries, and the values that cross them."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from ledger import MealEvent
from projections.projection import Document


class RecordedEvent(Struct, frozen=True, kw_only=True):
    """An event at its place in the log. `event` is None for one that cannot be read; `error` then says why.

    The error text names types and places in the code, and never a value.
    """

    position: int
    stream_id: str
    topic: str
    event: MealEvent | None
    error: str | None = None


class Checkpoint(Struct, frozen=True, kw_only=True):
    """How far a storage has come, of which log, and whether queries may read it. It is part of the storage.

    `last_event` identifies the event at `position` (None at position 0): a log that has another one there, or none,
    is not the log that the storage was built from. `generation` changes whenever the storage is emptied and begun
    again; `serves_from` is the position from which on queries may read it, the head of the log at that moment.
    `refused` is why queries must not read it at any position.
    """

    generation: str
    position: int = 0
    last_event: str | None = None
    serves_from: int = 0
    refused: str | None = None

    @property
    def unready(self) -> str | None:
        """Why queries must not read the storage; None when they may."""
        if self.refused is not None:
            return self.refused
        if self.position < self.serves_from:
            return f"it is being rebuilt, position {self.position} of {self.serves_from}"
        return None


class LogPage(Struct, frozen=True, kw_only=True):
    """A stretch of the log up to and including the position `last`, at which `last_event` is.

    `events` are the stretch's events of the requested topics, and its events that cannot be read.
    """

    last: int
    last_event: str
    events: tuple[RecordedEvent, ...]


class LogReader(Protocol):
    """The log, in position order. Positions have no gaps, and become visible in order.

    Raises SourceUnavailable when it cannot be read.
    """

    def read(self, checkpoint: Checkpoint, limit: int, topics: Collection[str]) -> LogPage | None:
        """The next stretch after the checkpoint, at most `limit` positions long; None when there is none yet.

        Raises LogDiverged when the checkpoint's last event is not at its position.
        """
        ...

    def head(self) -> int:
        """The last position of the log, 0 for an empty one."""
        ...

    def wait(self, beyond: int, timeout: float) -> None:
        """Return as soon as the log holds a position beyond that one, at the latest after `timeout` seconds."""
        ...


class Blocked(Struct, frozen=True, kw_only=True):
    """Document keys and streams that have a parked event, behind which all later ones queue."""

    keys: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()


class ParkedEvent(Struct, frozen=True, kw_only=True):
    """An event that was not applied to the document `key`; to any document of its stream where `key` is None.

    `error` is None for one that only queues behind another.
    """

    position: int
    stream_id: str
    topic: str
    key: str | None
    error: str | None


class Changes(Struct, frozen=True, kw_only=True):
    """A batch's effect on a read model: documents by key, None for one to be deleted, and the events to be parked."""

    documents: Mapping[str, Document | None]
    parked: tuple[ParkedEvent, ...]


class StorageFault(StrEnum):
    """Why a storage cannot be continued and has to be built from position 1; the value is for the log."""

    MISSING = "missing"
    NO_CHECKPOINT = "documents without a checkpoint"
    PARKED_EVENTS_LOST = "parked events lost"


class ProjectionTransaction(Protocol):
    """One batch's reads and writes: they are seen together with the moved checkpoint, or not at all."""

    def documents(self, keys: Collection[str]) -> Mapping[str, Document]:
        """The documents of these keys that exist."""
        ...

    def blocked(self, keys: Collection[str], streams: Collection[str]) -> Blocked:
        """The keys and streams among these that have a parked event.

        Raises CheckpointMoved when the list of parked events is not this storage's.
        """
        ...

    def save(self, changes: Changes) -> None:
        """Write the documents and the parked events."""
        ...


class ProjectionStore(Protocol):
    """The storage of one version of one projection, for one projector. Not to be shared between threads.

    Raises SourceUnavailable when it is out of reach, or refuses to serve.
    """

    def prepare(self, head: Callable[[], int]) -> StorageFault | None:
        """Inspect the storage and make what is missing. Comes first, and is repeated while a projector runs.

        A storage that cannot be continued is emptied and begun again at position 0, to be served from the position
        that `head` returns. The fault is returned by the one projector that did it; None where there was none.
        """
        ...

    def checkpoint(self) -> Checkpoint:
        """The stored checkpoint. Raises CheckpointMoved when there is none."""
        ...

    def transaction(
        self, before: Checkpoint, after: Checkpoint
    ) -> AbstractContextManager[ProjectionTransaction]:
        """Move the checkpoint from `before` to `after` first, and commit at the end of the block.

        Raises CheckpointMoved when the stored checkpoint is not, or does not stay, the one before. After any error
        out of the block or its end the outcome is unknown: the projector starts from `checkpoint()` again.
        """
        ...

    def refuse(self, checkpoint: Checkpoint, reason: str | None) -> None:
        """Make queries return an error for this reason, until None lifts it. Raises CheckpointMoved."""
        ...

    def heartbeat(self) -> None:
        """Record that a projector of this projection is alive and making progress."""
        ...

    def close(self) -> None:
        """Delete the heartbeat and release resources. The last call."""
        ...


class LogPositions(Protocol):
    """The only reads of the event store that the read side makes."""

    async def exists(self, position: int) -> bool:
        """Whether the log holds that position at this moment: exact, also right after a fail-over."""
        ...

    async def head(self) -> int:
        """The newest position, as a majority of the members has it; 0 while the log is empty."""
        ...
