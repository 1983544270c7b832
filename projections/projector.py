"""The engine of one projection: it follows the log, batch by batch, each in one transaction with the checkpoint."""

import logging

from projections.folding import fold, route
from projections.ports import Changes, Checkpoint, EventLog, ProjectionStore
from projections.projection import Projection

_log = logging.getLogger(__name__)


class Projector:
    """Brings one projection up to the log. Two of them at once cannot apply an event twice.

    `batch_size` is how many positions of the log go into one transaction. Not to be shared between threads.
    """

    def __init__(
        self, projection: Projection, log: EventLog, store: ProjectionStore, *, batch_size: int = 500
    ) -> None:
        self.projection = projection
        self._events = log
        self._store = store
        self._batch_size = batch_size
        self._checkpoint: Checkpoint | None = None

    def prepare(self) -> None:
        """Make the storage, where it is missing."""
        self._store.prepare()

    def advance(self) -> bool:
        """Apply the next batch; False when the log holds nothing new.

        Raises CheckpointMoved when another projector was faster, and CannotFollow. After any error nothing is
        remembered: the next call starts from the stored checkpoint, which is right whatever took place.
        """
        checkpoint, self._checkpoint = self._checkpoint or self._store.checkpoint(), None
        batch = self._events.read(checkpoint.position, self._batch_size, self.projection.topics)
        if batch is None:
            self._checkpoint = checkpoint
            return False
        routed = route(self.projection, batch.events)
        keys = {key for event in routed for key in event.keys}
        streams = {event.recorded.stream_id for event in routed}
        with self._store.transaction(checkpoint, batch.last) as transaction:
            changes = fold(
                self.projection,
                routed,
                transaction.documents(keys),
                transaction.blocked(keys, streams),
            )
            transaction.save(changes)
        self._checkpoint = Checkpoint(position=batch.last, generation=checkpoint.generation)
        self._report(changes)
        return True

    def wait(self, timeout: float) -> None:
        """Return when the log may hold something new, at the latest after `timeout` seconds."""
        self._events.wait(self._checkpoint.position if self._checkpoint else 0, timeout)

    def heartbeat(self) -> None:
        """Record that this projection is being kept up to date."""
        self._store.heartbeat()

    def close(self) -> None:
        """Say that this projector has ended, and let go of its storage."""
        self._store.close()

    def _report(self, changes: Changes) -> None:
        for parked in changes.parked:
            if parked.error is not None:
                _log.error(
                    "%s: parked the event at position %d: %s",
                    self.projection.storage,
                    parked.position,
                    parked.error,
                )
