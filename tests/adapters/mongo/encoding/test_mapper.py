"""Domain events through the mapper of the factory, and back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.cipher import AESCipher
from eventsourcing.domain import Aggregate, DomainEvent, event
from eventsourcing.persistence import (
    DataError,
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
    Transcoder,
    TranscodingNotRegisteredError,
    UUIDAsHex,
)
from eventsourcing.utils import get_topic
from pymongo.collection import Collection

from adapters.mongo.event_store import MongoFactory, MongoMapper, MongoTranscoder


@dataclass(frozen=True)
class Tasted(DomainEvent):
    dish: Any


class Seasoned(DomainEvent):
    class_version = 3
    salt: int
    pepper: int

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["salt"] *= 10

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["pepper"] = 0


def tasted(dish: object) -> Tasted:
    return Tasted(uuid4(), 7, datetime(2024, 1, 1, tzinfo=UTC), dish)


@pytest.fixture
def transcoder() -> MongoTranscoder:
    transcoder = MongoTranscoder()
    for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO()):
        transcoder.register(transcoding)
    return transcoder


@pytest.fixture
def mapper(transcoder: MongoTranscoder) -> MongoMapper[UUID]:
    return MongoMapper(transcoder)


def test_an_event_comes_back_as_it_was(mapper: MongoMapper[UUID]) -> None:
    event = tasted({"name": "soup", "parts": (1, Decimal("1.0"))})
    assert mapper.to_domain_event(mapper.to_stored_event(event)) == event


@pytest.mark.parametrize("dish", ["\ud800", [{"deep": "\ud800"}]])
def test_what_cannot_be_stored_names_topic_stream_and_version(
    mapper: MongoMapper[UUID], dish: object
) -> None:
    event = tasted(dish)
    with pytest.raises(DataError, match=f"Tasted' of stream {event.originator_id}, version 7"):
        mapper.to_stored_event(event)


def test_a_type_without_transcoding_names_topic_stream_and_version(mapper: MongoMapper[UUID]) -> None:
    event = tasted(object())
    with pytest.raises(
        TranscodingNotRegisteredError, match=f"object.*Tasted' of stream {event.originator_id}, version 7"
    ):
        mapper.to_stored_event(event)


@pytest.mark.parametrize(
    "topic", ["NoSuchTopic", "no.such:Thing", "", ":", "os:path", "eventsourcing.domain:Nothing"]
)
def test_an_unknown_topic_names_topic_stream_and_version(mapper: MongoMapper[UUID], topic: str) -> None:
    stored = StoredEvent(uuid4(), 3, topic, b"\x05\0\0\0\0")
    with pytest.raises(
        MapperDeserialisationError, match=f"'{topic}' of stream {stored.originator_id}, version 3"
    ):
        mapper.to_domain_event(stored)


@pytest.mark.parametrize(
    "state", [b"", b"\0", b"{", b"\x07\0\0\0\x99a\0", b"[]", b'{"_type_":"x","_data_":1}', b"\xff\0"]
)
def test_a_corrupt_state_names_topic_stream_and_version(mapper: MongoMapper[UUID], state: bytes) -> None:
    stored = StoredEvent(uuid4(), 3, get_topic(Tasted), state)
    with pytest.raises(
        MapperDeserialisationError, match=f"Tasted' of stream {stored.originator_id}, version 3"
    ):
        mapper.to_domain_event(stored)


def test_only_topics_that_a_subclass_knows_are_resolved() -> None:
    class Closed(MongoMapper[UUID]):
        def event_class(self, topic: str) -> Any:
            return {"tasted": Tasted}[topic]

    mapper = Closed(MongoTranscoder())
    with pytest.raises(MapperDeserialisationError, match="os:path"):
        mapper.to_domain_event(StoredEvent(uuid4(), 1, "os:path", b"{}"))
    state = MongoMapper[UUID](MongoTranscoder()).to_stored_event(tasted(1)).state
    assert isinstance(mapper.to_domain_event(StoredEvent(uuid4(), 1, "tasted", state)), Tasted)


def test_an_older_event_is_upcast(mapper: MongoMapper[UUID]) -> None:
    stored = StoredEvent(uuid4(), 1, get_topic(Seasoned), b'{"salt":2,"timestamp":null}')
    seasoned = mapper.to_domain_event(stored)
    assert isinstance(seasoned, Seasoned)
    assert (seasoned.salt, seasoned.pepper) == (20, 0)
    again = mapper.to_domain_event(mapper.to_stored_event(seasoned))
    assert vars(again) == vars(seasoned)


def test_what_the_librarys_mapper_wrote_can_be_read(
    mapper: MongoMapper[UUID], transcoder: MongoTranscoder
) -> None:
    event = tasted({"when": datetime(2024, 1, 1, 1, 2, 3, 456789, tzinfo=UTC)})
    assert mapper.to_domain_event(Mapper[UUID](transcoder).to_stored_event(event)) == event


class ReprTranscoder(Transcoder):
    """A transcoder of another kind, with a form of its own."""

    def encode(self, obj: Any) -> bytes:
        return repr(sorted(obj)).encode()

    def decode(self, data: bytes) -> dict[str, Any]:
        return {"decoded": data}


def test_a_transcoder_of_another_kind_writes_the_state_itself() -> None:
    mapper = MongoMapper[UUID](ReprTranscoder())
    stored = mapper.to_stored_event(tasted(1))
    assert stored.state == b"['dish', 'timestamp']"
    assert vars(mapper.to_domain_event(stored))["decoded"] == stored.state


class Dinner(Aggregate):
    def __init__(self, dishes: tuple[str, ...]) -> None:
        self.dishes = dishes

    @event("Served")
    def serve(self, dish: str, grams: int) -> None:
        self.dishes = (*self.dishes, f"{grams} g of {dish}")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"COMPRESSOR_TOPIC": "zlib"},
        {"CIPHER_KEY": AESCipher.create_key(16)},
        {"COMPRESSOR_TOPIC": "zlib", "CIPHER_KEY": AESCipher.create_key(16)},
        {"TRANSCODER_TOPIC": "eventsourcing.persistence:JSONTranscoder"},
        {"MAPPER_TOPIC": "eventsourcing.persistence:Mapper"},
    ],
)
def test_an_application_works_with_whatever_is_configured(
    mongodb_url: str, mongodb_database: str, settings: dict[str, str]
) -> None:
    env = {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": mongodb_database,
        "IS_SNAPSHOTTING_ENABLED": "y",
        **settings,
    }
    with Application[UUID](env=env) as application:
        dinner = Dinner(("soup",))
        dinner.serve("rice", 2**40)
        application.save(dinner)
        application.take_snapshot(dinner.id)
        dinner.serve("tea", 250)
        application.save(dinner)
        found: Dinner = application.repository.get(dinner.id)
        assert found == dinner
        assert [item.id for item in application.notification_log["1,10"].items] == [1, 2, 3]


def test_event_state_is_stored_as_a_queryable_document(
    mongodb_url: str, mongodb_database: str, stored: Collection[dict[str, Any]]
) -> None:
    env = {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": mongodb_database,
    }
    with Application[UUID](env=env) as application:
        dinner = Dinner(())
        dinner.serve("rice", 120)
        application.save(dinner)
    events = stored.database["application_events"]
    found = events.find_one({"state.dish": "rice"})
    assert found is not None
    assert (found["_id"], found["originator_id"], found["originator_version"]) == (2, dinner.id, 2)
    assert found["state"]["grams"] == 120
    assert found["topic"].endswith("Dinner.Served")
    assert isinstance(found["recorded_at"], datetime)
    assert isinstance(found["append_id"], UUID)


def test_the_factory_makes_the_mapper_that_is_asked_for(make_factory: Callable[..., MongoFactory]) -> None:
    class MyMapper(Mapper[UUID]):
        pass

    factory = make_factory()
    assert type(factory.mapper()) is MongoMapper
    assert type(factory.mapper(mapper_class=MyMapper)) is MyMapper
    assert isinstance(factory.transcoder(), JSONTranscoder)
    configured = make_factory(MAPPER_TOPIC="eventsourcing.persistence:Mapper")
    assert type(configured.mapper()) is Mapper
