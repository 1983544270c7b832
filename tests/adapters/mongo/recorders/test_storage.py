"""What is stored comes back bit for bit, and what cannot be stored or read is refused, with nothing half-written."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import bson
import pytest
from bson import ObjectId
from bson.binary import Binary
from bson.raw_bson import RawBSONDocument
from eventsourcing.persistence import (
    ApplicationRecorder,
    DataError,
    IntegrityError,
    ProgrammingError,
    StoredEvent,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection

from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from ops.local.mongod import LocalMongod

MEBIBYTE = 1024 * 1024
Documents = Collection[dict[str, Any]]

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary()
    | st.text(st.characters(exclude_categories=["Cs"])) | st.uuids() | st.builds(ObjectId),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=3),
    max_leaves=10,
).map(lambda value: bson.encode({"value": value}, codec_options=bson.CodecOptions(uuid_representation=4)))  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    states=st.lists(
        st.binary() | documents | documents.map(lambda data: data[:-1] + b"\1"), min_size=1, max_size=8
    )
)
def test_any_bytes_come_back_unchanged(recorder: MongoApplicationRecorder, states: list[bytes]) -> None:
    stream = uuid4()
    events = [StoredEvent(stream, version, "topic", state) for version, state in enumerate(states, 1)]
    positions = recorder.insert_events(events)
    assert positions is not None
    assert recorder.select_events(stream) == events
    assert all(type(event.state) is bytes for event in recorder.select_events(stream))
    page = recorder.select_notifications(positions[0], len(events))
    assert [notification.state for notification in page] == states


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(state=documents)
def test_a_valid_document_is_stored_as_one(
    recorder: MongoApplicationRecorder, stored: Documents, state: bytes
) -> None:
    events = [StoredEvent(uuid4(), 1, "topic", state), StoredEvent(uuid4(), 1, "topic", state + b"\0")]
    first, second = recorder.insert_events(events) or []
    # A name with a dollar means something to the server, so such a state is binary.
    assert b"$" in state or isinstance(found(stored, first)["state"], dict)
    assert isinstance(found(stored, second)["state"], bytes)


def found(stored: Documents, position: int) -> dict[str, Any]:
    document = stored.find_one({"_id": position})
    assert document is not None
    return document


class TimeOrdered(UUID):
    """An id of a class of its own, as libraries for UUIDs of version 7 have it."""


def test_a_stream_with_a_uuid_subclass_id_is_found(recorder: MongoApplicationRecorder) -> None:
    stream = TimeOrdered(int=uuid4().int)
    events = [StoredEvent(stream, version, "topic", b"state") for version in (1, 2)]
    recorder.insert_events(events)
    assert recorder.select_events(stream) == events
    assert recorder.select_events(UUID(int=stream.int)) == events
    with pytest.raises(IntegrityError):
        recorder.insert_events(events[1:])


def test_an_event_of_just_the_greatest_size_is_stored(
    make_factory: Callable[..., MongoFactory], new_stream: Callable[..., list[StoredEvent]]
) -> None:
    recorder = make_factory(
        MONGODB_APPEND_DEADLINE="120", MONGODB_ATTEMPT_TIMEOUT="60"
    ).application_recorder()
    for count in (1, 2):
        events = new_stream(count, state=bytes(16 * MEBIBYTE - 300))
        recorder.insert_events(events)
        assert recorder.select_events(events[0].originator_id) == events


def test_an_append_beyond_what_one_command_carries_is_atomic(
    tmp_path: Path, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    """On a server of its own, whose cache holds such a transaction whatever else the machine does."""
    settings = {
        "MONGODB_DATABASE": "large",
        "MONGODB_APPEND_DEADLINE": "120",
        "MONGODB_ATTEMPT_TIMEOUT": "60",
    }
    with (
        LocalMongod(tmp_path / "db", frugal=False) as server,
        closing(MongoFactory({"MONGODB_URL": server.url, **settings})) as factory,
    ):
        append_fifty_megabytes(factory.application_recorder(), new_stream)


def append_fifty_megabytes(
    recorder: ApplicationRecorder, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    events = new_stream(5, state=bytes(10 * MEBIBYTE))
    assert recorder.insert_events(events) == [1, 2, 3, 4, 5]
    with pytest.raises(IntegrityError):
        recorder.insert_events([*new_stream(5, state=bytes(10 * MEBIBYTE)), events[3]])
    assert recorder.max_notification_id() == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state": bytes(16 * MEBIBYTE)}, "limit for a document"),
        ({"originator_version": 2**63}, "version 9223372036854775808"),
        ({"originator_version": "2"}, "version 2"),
        ({"topic": "\ud800"}, "surrogates"),
        ({"topic": None}, "event 'None'"),
        ({"originator_id": "\ud800"}, "surrogates"),
        ({"state": None}, "version 2"),
    ],
)
def test_an_unstorable_event_is_refused_alone(
    recorder: MongoApplicationRecorder,
    new_stream: Callable[..., list[StoredEvent]],
    change: dict[str, Any],
    message: str,
) -> None:
    """Neighbouring appends get their positions, without a gap."""
    first, second = new_stream(2)
    with ThreadPoolExecutor(4) as writers:
        neighbours = [writers.submit(recorder.insert_events, new_stream()) for _ in range(8)]
        refused = writers.submit(recorder.insert_events, [first, replace(second, **change)])
        neighbours += [writers.submit(recorder.insert_events, new_stream()) for _ in range(8)]
        with pytest.raises(DataError, match=message) as caught:
            refused.result(20)
        assert "cannot store event" in str(caught.value)
        positions = sorted((call.result(20) or [0])[0] for call in neighbours)
    assert positions == list(range(1, 17))
    assert recorder.max_notification_id() == 16
    assert recorder.select_events(first.originator_id) == []


@pytest.mark.parametrize("count", [1, 2])
def test_a_collection_validator_refusal_is_a_data_error(
    recorder: MongoApplicationRecorder,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    count: int,
) -> None:
    stored.database.command("collMod", stored.name, validator={"topic": {"$ne": "refused"}})
    refused = [replace(event, topic="refused") for event in new_stream(count)]
    with pytest.raises(DataError, match=f"{refused[0].originator_id}.* was not appended: .*code 121"):
        recorder.insert_events(refused)
    assert recorder.insert_events(new_stream(count)) == list(range(1, count + 1))


@pytest.mark.parametrize(
    "corrupt",
    [
        {"originator_version": "x"},
        {"originator_version": 2.5},
        {"originator_version": None},
        {"topic": None},
        {"topic": 5},
        {"topic": b"topic"},
        {"state": "text"},
        {"state": None},
        {"state": 5},
        {"state": [1]},
    ],
)
def test_a_corrupt_document_is_reported_with_its_place(
    recorder: MongoApplicationRecorder,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    corrupt: dict[str, Any],
) -> None:
    """Its place is its position, stream and version."""
    events = new_stream(3)
    stream, version = events[0].originator_id, corrupt.get("originator_version", 2)
    recorder.insert_events(events)
    stored.update_one({"_id": 2}, {"$set": corrupt})
    what = f"document 2 of the event store is no event .stream {stream}, version {version},"
    with pytest.raises(DataError, match=what):
        recorder.select_notifications(1, 10)
    with pytest.raises(DataError, match=what):
        recorder.select_events(stream)
    assert [n.id for n in recorder.select_notifications(3, 10)] == [3]


@pytest.mark.parametrize("field", ["originator_id", "originator_version", "topic", "state"])
def test_a_missing_field_is_reported_with_its_position(
    recorder: MongoApplicationRecorder,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    field: str,
) -> None:
    recorder.insert_events(new_stream(3))
    stored.update_one({"_id": 2}, {"$unset": {field: ""}})
    with pytest.raises(DataError, match="document 2 of the event store is no event"):
        recorder.select_notifications(1, 10)


@pytest.mark.parametrize("stream", [5, None, b"bytes"])
def test_a_bad_stream_id_is_reported_with_its_position(
    recorder: MongoApplicationRecorder,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    stream: object,
) -> None:
    """And with its version."""
    recorder.insert_events(new_stream(3))
    stored.update_one({"_id": 2}, {"$set": {"originator_id": stream}})
    what = re.escape(f"document 2 of the event store is no event (stream {stream}, version 2,")
    with pytest.raises(DataError, match=what):
        recorder.select_notifications(1, 10)


@pytest.mark.parametrize("stream", [UUID(int=7), "name"])
def test_an_undecodable_topic_is_reported_with_its_place(
    recorder: MongoApplicationRecorder, stored: Documents, stream: UUID | str
) -> None:
    """Its place is its position, stream and version."""
    recorder.insert_events([StoredEvent(stream, version, "topic", b"state") for version in (1, 2, 3)])
    good = bson.encode(found(stored, 2), codec_options=bson.CodecOptions(uuid_representation=4))
    bad = good.replace(b"\6\0\0\0topic", b"\6\0\0\0t\xffpic")
    assert bad != good
    stored.delete_one({"_id": 2})
    stored.database[stored.name].insert_one(RawBSONDocument(bad))
    what = f"document 2 of the event store cannot be read .stream {stream}, version 2.: .*utf-8"
    with pytest.raises(DataError, match=what):
        recorder.select_notifications(1, 10)
    with pytest.raises(DataError, match=what):
        recorder.select_events(stream)


@pytest.mark.parametrize("stray", [ObjectId(b"twelve bytes"), "text", True])
def test_a_stray_document_without_number_is_ignored(
    recorder: MongoApplicationRecorder,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    stray: object,
) -> None:
    recorder.insert_events(new_stream(2))
    stored.insert_one({"_id": stray, "note": "not of the store"})
    assert recorder.max_notification_id() == 2
    assert [found.id for found in recorder.select_notifications(None, 10)] == [1, 2]
    assert recorder.insert_events(new_stream()) == [3]


@pytest.mark.parametrize("stray", [7.0, 2.5])
def test_a_stray_numbered_document_is_reported_with_advice(
    recorder: MongoApplicationRecorder,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    stray: float,
) -> None:
    recorder.insert_events(new_stream(2))
    stored.insert_one({"_id": stray, "note": "not of the store"})
    what = re.escape(f"document {stray!r} of {stored.full_name} is no event")
    with pytest.raises(DataError, match=f"{what}.* remove it"):
        recorder.max_notification_id()
    stored.delete_one({"_id": stray})
    assert recorder.max_notification_id() == 2


def test_documents_written_by_others_can_be_read(
    recorder: MongoApplicationRecorder, stored: Documents
) -> None:
    """In another order of fields, with further ones, with small numbers."""
    stream = uuid4()
    stored.insert_many(
        [
            {"_id": 1, "state": {"a": 1}, "topic": "topic", "originator_version": 1, "originator_id": stream},
            {
                "_id": 2,
                "originator_id": stream,
                "originator_version": 2,
                "topic": "topic",
                "state": b"x",
                "more": 1,
            },
            {
                "_id": 3,
                "originator_id": stream,
                "originator_version": 3,
                "topic": "topic",
                "state": Binary(b"x", 128),
            },
        ]
    )
    states = [bson.encode({"a": 1}), b"x", b"x"]
    assert [event.state for event in recorder.select_events(stream)] == states
    assert [n.state for n in recorder.select_notifications(None, 10)] == states
    assert recorder.insert_events([StoredEvent(stream, 4, "topic", b"")]) == [4]


def test_snapshots_have_no_position(
    factory: MongoFactory, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    snapshots, other = factory.aggregate_recorder("snapshots"), factory.aggregate_recorder("events")
    events = new_stream(3)
    assert snapshots.insert_events(events) is None
    assert snapshots.insert_events([replace(events[0], originator_version=9)]) is None
    assert [event.originator_version for event in snapshots.select_events(events[0].originator_id)] == [
        1,
        2,
        3,
        9,
    ]
    assert other.select_events(events[0].originator_id) == []


def test_without_its_unique_index_nothing_is_appended(
    make_factory: Callable[..., MongoFactory], stored: Documents, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    stored.insert_one({"_id": 1})
    unguarded = make_factory(CREATE_TABLE="no").application_recorder()
    with pytest.raises(ProgrammingError, match="no unique index"):
        unguarded.insert_events(new_stream())
    stored.delete_one({"_id": 1})
    make_factory().application_recorder()
    assert unguarded.insert_events(new_stream()) == [1]


def test_pages_are_cut_where_the_library_says(
    recorder: MongoApplicationRecorder, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    events = [replace(event, topic=f"topic{event.originator_version % 3}") for event in new_stream(9)]
    recorder.insert_events(events)

    def ids(*args: Any, **kwargs: Any) -> list[int]:
        return [notification.id for notification in recorder.select_notifications(*args, **kwargs)]

    assert ids(None, 0) == []
    assert ids(None, 4) == [1, 2, 3, 4]
    assert ids(-5, 2) == [1, 2]
    assert ids(3, 100, 5) == [3, 4, 5]
    assert ids(3, 100, 5, inclusive_of_start=False) == [4, 5]
    assert ids(2, 2, None, ["topic0"]) == [3, 6]
    assert ids(2, 10, 6, ["topic0", "topic1"]) == [3, 4, 6]
    assert ids(1, 10, None, ["nothing"]) == []
    stream = events[0].originator_id
    assert [
        e.originator_version for e in recorder.select_events(stream, gt=2, lte=8, desc=True, limit=3)
    ] == [8, 7, 6]
