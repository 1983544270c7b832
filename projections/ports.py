"""What the projector needs of the outside: the log of events, and a place for one projection's documents."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
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


class Batch(Struct, frozen=True, kw_only=True):
    """A stretch of the log up to and including the position `last`: those of its events whose topics were asked for."""

    last: int
    events: tuple[RecordedEvent, ...]


class EventLog(Protocol):
    """The log, in position order. Positions have no gaps, and become visible in order.

    Raises CannotFollow when it cannot be read.
    """

    def read(self, after: int, limit: int, topics: Collection[str]) -> Batch | None:
        """The next stretch behind `after`, at most `limit` positions long; None when there is none yet."""
        ...

    def wait(self, beyond: int, timeout: float) -> None:
        """Return as soon as the log holds a position beyond that one, at the latest after `timeout` seconds."""
        ...


class Checkpoint(Struct, frozen=True, kw_only=True):
    """How far a projection has come. `generation` changes whenever its storage is emptied and begun again."""

    position: int
    generation: str


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
    """What a batch makes of a read model: documents by key, None for one to be deleted, and the events to be parked."""

    documents: Mapping[str, Document | None]
    parked: tuple[ParkedEvent, ...]


class CannotFollow(Exception):
    """Log or storage cannot do what was asked, for the reason in the message: one line, without personal data."""


class CheckpointMoved(Exception):
    """Another projector was faster, or the storage was begun again: read the checkpoint and start from there."""


class ProjectionTransaction(Protocol):
    """One batch's reads and writes: they are seen together with the moved checkpoint, or not at all."""

    def documents(self, keys: Collection[str]) -> Mapping[str, Document]:
        """Those of the documents that exist."""
        ...

    def blocked(self, keys: Collection[str], streams: Collection[str]) -> Blocked:
        """Those of the keys and streams that have a parked event."""
        ...

    def save(self, changes: Changes) -> None: ...


class ProjectionStore(Protocol):
    """The storage of one version of one projection, for one projector. Not to be shared between threads.

    Raises CannotFollow when it is out of reach, or refuses to serve.
    """

    def prepare(self) -> None:
        """Make what is missing: collections, indexes, the checkpoint at position 0. Comes first."""
        ...

    def checkpoint(self) -> Checkpoint: ...

    def transaction(
        self, expected: Checkpoint, position: int
    ) -> AbstractContextManager[ProjectionTransaction]:
        """Move the checkpoint from `expected` to `position` first, and commit at the end of the block.

        Raises CheckpointMoved when the checkpoint is not, or does not stay, the expected one. After any error out of
        the block or its end the caller knows nothing: it starts from `checkpoint()` again.
        """
        ...

    def heartbeat(self) -> None:
        """Record that a projector of this projection lives and gets on."""
        ...

    def close(self) -> None:
        """Take the heartbeat back and let go of what is held. The last call."""
        ...


class LogPositions(Protocol):
    """The only thing that a query asks of the event store."""

    async def exists(self, position: int) -> bool:
        """Whether the log holds that position at this moment: an exact answer, also right after a fail-over."""
        ...
