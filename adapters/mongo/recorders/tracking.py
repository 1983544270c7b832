"""The library's recorders of tracking on MongoDB: by itself, with a view, or with the events of a process."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import ProcessRecorder, StoredEvent, Tracking, TrackingRecorder
from pymongo.client_session import ClientSession

from adapters.mongo.datastore import MongoDatastore
from adapters.mongo.read.tracking_store import TrackingStore
from adapters.mongo.recorders.application import MongoApplicationRecorder


class MongoTrackingRecorder(TrackingRecorder):
    """Tracking by itself; for a view, subclass it and write through `record_with`.

    A position is recorded once, and never below one that is recorded already.
    """

    def __init__(self, datastore: MongoDatastore, *, tracking_collection: str) -> None:
        self.datastore = datastore
        datastore.check()
        self._tracking = _tracking_store(datastore, tracking_collection)

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record `tracking`.

        Raises IntegrityError when this position or a greater one is recorded already.
        """
        self._tracking.record(tracking)

    def record_with(self, tracking: Tracking, write: Callable[[ClientSession], None]) -> None:
        """Record `tracking` and what `write` writes in the session it is given, in one transaction.

        `write` may be called more than once. It has to do nothing but write: where nothing happens for over a second,
        others take the transaction for that of a dead process, and it has to begin again.

        Raises as `insert_tracking` does, with nothing of it written; IntegrityError, too, when `write` finds a
        key taken.
        """
        self._tracking.record(tracking, write)

    def max_tracking_id(self, application_name: str) -> int | None:
        """The greatest position recorded for this application, or None."""
        return self._tracking.max_id(application_name)


class MongoProcessRecorder(MongoApplicationRecorder, ProcessRecorder):
    """Events, and the tracking of what they follow from, in one transaction."""

    def __init__(
        self, datastore: MongoDatastore, *, events_collection: str, tracking_collection: str
    ) -> None:
        super().__init__(
            datastore, events_collection=events_collection, tracking_collection=tracking_collection
        )
        self._tracking = _tracking_store(datastore, tracking_collection)

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        append_id: UUID | None = None,
        tracking: Tracking | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> Sequence[int] | None:
        """Append the events and record `tracking`, all or nothing; there may be no events.

        Raises IntegrityError, too, when this position or a greater one is recorded already.
        """
        if tracking is None:
            return super().insert_events(stored_events, append_id=append_id, timeout=timeout, **kwargs)
        return self._append(stored_events, append_id, tracking, timeout).positions()

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record `tracking`.

        Raises IntegrityError when this position or a greater one is recorded already.
        """
        self._tracking.record(tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        """The greatest position recorded for this application, or None."""
        return self._tracking.max_id(application_name)


def _tracking_store(datastore: MongoDatastore, tracking_collection: str) -> TrackingStore:
    return TrackingStore(
        datastore.collection(tracking_collection),
        datastore.reads,
        datastore.settings.append_deadline,
        datastore.settings.attempt_timeout,
        datastore.app_name,
    )
