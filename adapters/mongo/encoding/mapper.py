"""Domain events to stored events and back, with the state as a BSON document."""

from collections.abc import Hashable
from typing import Any, cast

from bson.errors import BSONError
from eventsourcing.domain import DomainEventProtocol, TAggregateID
from eventsourcing.persistence import (
    Cipher,
    Compressor,
    DataError,
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
    Transcoder,
    TranscodingNotRegisteredError,
    find_id_convertor,
)
from eventsourcing.utils import get_topic, resolve_topic

from adapters.mongo.encoding.state_codec import StateCodec
from adapters.mongo.encoding.stored_events import stored_event


class MongoMapper(Mapper[TAggregateID]):
    """The library's mapper, writing the state of an event as BSON (see `StateCodec`).

    It uses the transcodings registered with a JSONTranscoder; with a transcoder of another kind it leaves the
    state to that. State that the library's own mapper wrote, as JSON, can be read.
    A compressor and a cipher work as ever, and make the state binary.
    """

    def __init__(
        self,
        transcoder: Transcoder,
        compressor: Compressor | None = None,
        cipher: Cipher | None = None,
    ) -> None:
        super().__init__(transcoder, compressor, cipher)
        self._codec = StateCodec(transcoder) if isinstance(transcoder, JSONTranscoder) else None

    def to_stored_event(self, domain_event: DomainEventProtocol[TAggregateID]) -> StoredEvent:
        """The stored event of a domain event.

        Raises TranscodingNotRegisteredError when its state holds an object of a type without transcoding, and
        DataError when it cannot be stored otherwise; both name the event, its stream and its version.
        """
        event_class = type(domain_event)
        topic = get_topic(event_class)
        state = dict(vars(domain_event))
        originator_id = state.pop("originator_id")
        originator_version = state.pop("originator_version")
        class_version = getattr(event_class, "class_version", 1)
        if class_version > 1:
            state["class_version"] = class_version
        try:
            data = self._codec.encode(state) if self._codec else self.transcoder.encode(state)
        except TranscodingNotRegisteredError as error:
            where = f"event '{topic}' of stream {originator_id}, version {originator_version}"
            raise TranscodingNotRegisteredError(f"{error} ({where})") from error
        except (BSONError, ValueError, OverflowError, RecursionError) as error:
            where = f"event '{topic}' of stream {originator_id}, version {originator_version}"
            raise DataError(f"Failed to serialise state of {where}: {error}") from error
        if self.compressor:
            data = self.compressor.compress(data)
        if self.cipher:
            data = self.cipher.encrypt(data)
        return stored_event(originator_id, originator_version, topic, data)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[TAggregateID]:
        """The domain event of a stored event, upcast to the version of its class.

        Raises MapperDeserialisationError, which names topic, stream and version, whatever the reason.
        """
        try:
            return self._to_domain_event(stored_event)
        except MapperDeserialisationError:
            raise
        except Exception as error:
            raise MapperDeserialisationError(
                f"Failed to deserialise event with topic '{stored_event.topic}' of stream "
                f"{stored_event.originator_id}, version {stored_event.originator_version}: {error}"
            ) from error

    def event_class(self, topic: str) -> Any:
        """The class of the events with this topic; override it to allow only known topics.

        Raises TopicError, or whatever importing the module named by the topic raises.
        """
        return resolve_topic(topic)

    def _to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[TAggregateID]:
        event_class = self.event_class(stored_event.topic)
        data = stored_event.state
        if self.cipher:
            data = self.cipher.decrypt(data)
        if self.compressor:
            data = self.compressor.decompress(data)
        # BSON ends with a zero byte, JSON never does.
        is_bson = self._codec is not None and data.endswith(b"\0")
        state = self._codec.decode(data) if self._codec and is_bson else self.transcoder.decode(data)
        originator_id = stored_event.originator_id
        state["originator_id"] = find_id_convertor(event_class, cast("Hashable", type(originator_id)))(
            originator_id
        )
        state["originator_version"] = stored_event.originator_version
        class_version = getattr(event_class, "class_version", 1)
        from_version = state.pop("class_version", 1)
        while from_version < class_version:
            getattr(event_class, f"upcast_v{from_version}_v{from_version + 1}")(state)
            from_version += 1
        event = object.__new__(event_class)
        object.__setattr__(event, "__dict__", state)
        return cast("DomainEventProtocol[TAggregateID]", event)
