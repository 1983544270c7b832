"""What members hold is read past the store, on each of them."""

from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient

from tests.faults.history import Place
from tests.faults.members import copies_of_members
from tests.faults.replica_set import ReplicaSet
from tests.faults.store import OUR_STORE, Store


def test_each_member_shows_all_that_was_appended_before(replica_set: ReplicaSet) -> None:
    store = Store(OUR_STORE, replica_set.url, f"faults_{uuid4().hex}")
    streams = [uuid4(), uuid4()]
    with store.recorder() as recorder:
        recorder.insert_events([StoredEvent(streams[0], 1, "topic", b"state")])
        recorder.insert_events([StoredEvent(stream, 2, "topic", b"state") for stream in streams])
    copies = copies_of_members(replica_set, store)
    assert copies.keys() == {node.address for node in replica_set.nodes}
    one, *others = copies.values()
    assert all(other == one for other in others)
    assert [copy.position for copy in one] == [1, 2, 3]
    assert [copy.place for copy in one[1:]] == [Place(str(stream), 2) for stream in streams]
    assert one[1].append_id == one[2].append_id != one[0].append_id


def test_what_somebody_takes_away_or_changes_past_the_store_shows(replica_set: ReplicaSet) -> None:
    store = Store(OUR_STORE, replica_set.url, f"faults_{uuid4().hex}")
    with store.recorder() as recorder:
        for version in (1, 2, 3):
            recorder.insert_events([StoredEvent(UUID(int=1), version, "topic", b"state")])
    before = copies_of_members(replica_set, store)
    with MongoClient[dict[str, Any]](replica_set.url) as client:
        events = client[store.database][store.events_collection]
        events.delete_one({"_id": 2})
        events.update_one({"_id": 3}, {"$set": {"state": b"another"}})
    for address, copies in copies_of_members(replica_set, store).items():
        assert [copy.position for copy in copies] == [1, 3]
        assert copies[0] == before[address][0]
        assert copies[1].digest != before[address][2].digest
