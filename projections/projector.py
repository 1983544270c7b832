"""The engine of one projection: it follows the log, batch by batch, each in one transaction with the checkpoint."""

import logging

from msgspec import structs

from projections.errors import LogDiverged
from projections.folding import fold, route
from projections.ports import Changes, Checkpoint, LogReader, ProjectionStore
from projections.projection import Projection

_log = logging.getLogger(__name__)


class Projector:
    """Brings one projection up to the log. Two of them at once cannot apply an event twice.

    `batch_size` is how many positions of the log go into one transaction. Not to be shared between threads.
    """

    def __init__(
        self, projection: Projection, log: LogReader, store: ProjectionStore, *, batch_size: int = 500
    ) -> None:
        self.projection = projection
        self._events = log
        self._store = store
        self._batch_size = batch_size
        self._checkpoint: Checkpoint | None = None

    def prepare(self) -> None:
        """Inspect the storage and make what is missing; a storage that cannot be continued is begun again.

        Comes first, after each error, and every few seconds: so a storage that was dropped is noticed. While it is
        built anew, queries are refused until it has reached the head that the log has now. Events are parked as ever.
        """
        self._checkpoint = None
        fault = self._store.prepare(self._events.head)
        if fault is not None:
            head = self._store.checkpoint().serves_from
            _log.log(
                logging.WARNING
                if head
                else logging.INFO,  # over an empty log it is the first start, as a rule
                "read_model_rebuild_started",
                extra={"projection": self.projection.storage, "reason": fault.value, "head": head},
            )

    def advance(self) -> bool:
        """Apply the next batch; False when the log holds nothing new.

        Raises CheckpointMoved when another projector was faster or the storage is gone, and SourceUnavailable. After
        any error nothing is remembered: the next call starts from the stored checkpoint, which is right whatever the
        outcome was.
        """
        before, self._checkpoint = self._checkpoint or self._store.checkpoint(), None
        try:
            page = self._events.read(before, self._batch_size, self.projection.topics)
        except LogDiverged as error:
            if before.refused != error.message:
                self._store.refuse(before, error.message)
            raise
        if before.refused is not None:
            self._store.refuse(before, None)
            before = structs.replace(before, refused=None)
        if page is None:
            self._checkpoint = before
            return False
        after = structs.replace(before, position=page.last, last_event=page.last_event)
        routed = route(self.projection, page.events)
        keys = {key for event in routed for key in event.keys}
        streams = {event.recorded.stream_id for event in routed}
        with self._store.transaction(before, after) as transaction:
            changes = fold(
                self.projection,
                routed,
                transaction.documents(keys),
                transaction.blocked(keys, streams),
            )
            transaction.save(changes)
        self._checkpoint = after
        self._report(changes)
        if before.unready and not after.unready:
            _log.info(
                "read_model_rebuilt",
                extra={"projection": self.projection.storage, "position": after.position},
            )
        return True

    def wait(self, timeout: float) -> None:
        """Return when the log may hold something new, at the latest after `timeout` seconds."""
        self._events.wait(self._checkpoint.position if self._checkpoint else 0, timeout)

    def heartbeat(self) -> None:
        """Record that this projection is being kept up to date."""
        self._store.heartbeat()

    def close(self) -> None:
        """Delete this projector's heartbeat and release its storage."""
        self._store.close()

    def _report(self, changes: Changes) -> None:
        for parked in changes.parked:
            if parked.error is not None:
                _log.error(
                    "event_parked",
                    extra={
                        "projection": self.projection.storage,
                        "position": parked.position,
                        "topic": parked.topic,
                        "error": parked.error,
                    },
                )
