"""MongoDB as a persistence module of the `eventsourcing` library.

Set `PERSISTENCE_MODULE=adapters.mongo.event_store`, `MONGODB_URL` and `MONGODB_DATABASE`, and nothing else. The
server has to be a replica set (one member is enough) without an arbiter.

What is promised:

- Every event has a position in its application's log: 1, 2, 3 … without gaps, visible in that order.
- An append is atomic; of two appends of one stream and version exactly one succeeds, the other raises IntegrityError.
- What has been acknowledged is in the journals of a majority, survives a fail-over, and is seen by every later read.
- Within the deadline a caller learns whether an append took place; past it, AppendOutcomeUnknownError
  carries the id by which it can ask again. Nothing is ever appended twice.
- The state of an event is a native BSON document, unless a compressor or a cipher is configured.

Settings, each also with the application's name before it, as in MYAPP_MONGODB_URL:

| variable | default | is |
| --- | --- | --- |
| MONGODB_URL | required | the address of the replica set |
| MONGODB_DATABASE | required | the database; an application's collections are `<application>_events` and so on |
| CREATE_TABLE | yes | whether making a recorder creates its indexes; with "no" they have to be there |
| MONGODB_MAX_POOL_SIZE | 100 | connections to each server at most |
| MONGODB_MIN_POOL_SIZE | 0 | connections kept open |
| MONGODB_APPEND_DEADLINE | 30 | seconds within which the outcome of an append is known |
| MONGODB_ATTEMPT_TIMEOUT | 3 | seconds for one try to write; the rest of the deadline resolves appends in doubt |
| MONGODB_READ_DEADLINE | 30 | seconds for which a read waits for a fail-over to end |
| MONGODB_BATCH_EVENTS | 1000 | events written together at most, unless one append has more; up to 50000 |
| MONGODB_BATCH_BYTES | 8388608 | bytes written together at most, unless one append has more; up to 40000000 |
| MONGODB_QUEUED_APPENDS | 10000 | appends that a process queues at most; further callers wait for admission |
| MONGODB_POLL_INTERVAL | 1 | seconds after which a subscription looks for events although no hint came |
"""

from typing import TypeVar

from eventsourcing.domain import TAggregateID
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    ProcessRecorder,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from adapters.mongo.connection.errors import AppendOutcomeUnknownError
from adapters.mongo.datastore import MongoDatastore
from adapters.mongo.encoding.mapper import MongoMapper
from adapters.mongo.encoding.transcoder import MongoTranscoder
from adapters.mongo.recorders.aggregate import MongoAggregateRecorder
from adapters.mongo.recorders.application import MongoApplicationRecorder
from adapters.mongo.recorders.tracking import MongoProcessRecorder, MongoTrackingRecorder
from adapters.mongo.settings import StoreSettings

__all__ = [
    "AppendOutcomeUnknownError",
    "Factory",
    "MongoAggregateRecorder",
    "MongoApplicationRecorder",
    "MongoFactory",
    "MongoMapper",
    "MongoProcessRecorder",
    "MongoTrackingRecorder",
    "MongoTranscoder",
]

_T = TypeVar("_T")
_TRecorder = TypeVar("_TRecorder", bound=MongoAggregateRecorder)


class MongoFactory(InfrastructureFactory[MongoTrackingRecorder]):
    """Makes the recorders and the mapper of an application. `close` closes all of its recorders.

    A factory that is not closed may be forgotten: its recorders go on, and the last one closes the connection.
    """

    aggregate_recorder_class = MongoAggregateRecorder
    application_recorder_class = MongoApplicationRecorder
    tracking_recorder_class = MongoTrackingRecorder
    process_recorder_class = MongoProcessRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        """Raises OSError for a missing or bad setting, InterfaceError for a malformed URL."""
        super().__init__(env)
        self.datastore = MongoDatastore(StoreSettings.from_environment(self.env))

    def transcoder(self) -> Transcoder:
        """The transcoder of TRANSCODER_TOPIC, or else one whose transcodings the mapper uses to write BSON."""
        return super().transcoder() if self.env.get(self.TRANSCODER_TOPIC) else MongoTranscoder()

    def mapper(
        self,
        transcoder: Transcoder | None = None,
        mapper_class: type[Mapper[TAggregateID]] | None = None,
    ) -> Mapper[TAggregateID]:
        """A mapper of the given class, of MAPPER_TOPIC, or else one that writes BSON."""
        if mapper_class is None and not self.env.get(self.MAPPER_TOPIC):
            mapper_class = MongoMapper
        return super().mapper(transcoder, mapper_class)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """A recorder of streams without a log, such as for the purpose "snapshots"."""
        return self._created(
            self.aggregate_recorder_class(self.datastore, events_collection=self._collection(purpose))
        )

    def application_recorder(self) -> ApplicationRecorder:
        """A recorder of streams and a log."""
        recorder_class = self._configured(self.APPLICATION_RECORDER_TOPIC, self.application_recorder_class)
        return self._created(recorder_class(self.datastore, events_collection=self._collection("events")))

    def tracking_recorder(
        self, tracking_recorder_class: type[MongoTrackingRecorder] | None = None
    ) -> MongoTrackingRecorder:
        """A recorder of tracking, of the given class if there is one."""
        recorder_class = tracking_recorder_class or self._configured(
            self.TRACKING_RECORDER_TOPIC, self.tracking_recorder_class
        )
        return recorder_class(self.datastore, tracking_collection=self._collection("tracking"))

    def process_recorder(self) -> ProcessRecorder:
        """A recorder of streams, a log, and the tracking of what the events follow from."""
        recorder_class = self._configured(self.PROCESS_RECORDER_TOPIC, self.process_recorder_class)
        recorder = recorder_class(
            self.datastore,
            events_collection=self._collection("events"),
            tracking_collection=self._collection("tracking"),
        )
        return self._created(recorder)

    def close(self) -> None:
        """Wait for appends under way, refuse new ones, end subscriptions, close the client. Closing twice is fine."""
        self.datastore.close()

    def _collection(self, kind: str) -> str:
        return self.datastore.settings.collection_name(kind)

    def _configured(self, topic_key: str, default: type[_T]) -> type[_T]:
        topic = self.env.get(topic_key)
        if not topic:
            return default
        recorder_class = resolve_topic(topic)
        if not (isinstance(recorder_class, type) and issubclass(recorder_class, default)):
            raise OSError(f"{topic_key} is {topic!r}: a subclass of {default.__name__} is expected")
        return recorder_class

    def _created(self, recorder: _TRecorder) -> _TRecorder:
        # Read anew: the environment may have changed since the factory was made.
        if StoreSettings.from_environment(self.env).create_collections:
            recorder.create_collections()
        return recorder


Factory = MongoFactory
