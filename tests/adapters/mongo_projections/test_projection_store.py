"""The projections' storage on a real MongoDB: all of a batch or nothing, and never a batch twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from msgspec import structs
from pymongo import MongoClient
from pymongo.errors import BulkWriteError

from adapters.mongo.connection.client import ClientSettings, Document, make_client
from adapters.mongo_projections.projection_store import MongoProjectionStore
from adapters.mongo_projections.storage import PROJECTORS, parked_collection
from projections import (
    MEALS,
    Changes,
    Checkpoint,
    CheckpointMoved,
    ParkedEvent,
    SourceUnavailable,
    StorageFault,
)
from tests.adapters.mongo_projections.projection_fixtures import sync_client

NOTHING = Changes(documents={}, parked=())


@dataclass
class Given:
    """A prepared store, and a way to look at what it wrote."""

    client: MongoClient[Document]
    database: str
    store: MongoProjectionStore

    def collection(self, name: str) -> list[Document]:
        return list(self.client[self.database][name].find({}, sort=[("_id", 1)]))

    def documents(self) -> list[Document]:
        return [document for document in self.collection(MEALS.storage) if isinstance(document["_id"], str)]

    def parked(self) -> list[Document]:
        return [
            document for document in self.collection(parked_collection(MEALS.storage)) if "key" in document
        ]

    def another_store(self) -> MongoProjectionStore:
        return MongoProjectionStore(self.client, self.database, MEALS)


@pytest.fixture
def given(mongodb_url: str, mongodb_database: str) -> Iterator[Given]:
    with sync_client(mongodb_url) as client:
        store = MongoProjectionStore(client, mongodb_database, MEALS)
        store.prepare(head=lambda: 0)
        yield Given(client, mongodb_database, store)


def parked(
    position: int, key: str | None, stream_id: str = "stream", error: str | None = None
) -> ParkedEvent:
    return ParkedEvent(position=position, stream_id=stream_id, topic="MealAnalyzed", key=key, error=error)


def moved(checkpoint: Checkpoint, position: int) -> Checkpoint:
    return structs.replace(checkpoint, position=position, last_event=f"stream/{position}")


def test_a_storage_that_was_not_prepared_has_no_checkpoint(mongodb_url: str, mongodb_database: str) -> None:
    with sync_client(mongodb_url) as client:
        store = MongoProjectionStore(client, mongodb_database, MEALS)
        with pytest.raises(CheckpointMoved):
            store.checkpoint()
        store.close()


def test_a_storage_dropped_under_a_build_of_indexes_has_moved(given: Given) -> None:
    """Another projector does so when it begins the storage again. It is met within the first rounds, nearly always."""
    documents = given.client[given.database][MEALS.storage]
    for milliseconds in range(100):
        given.store.prepare(head=lambda: 0)
        documents.insert_many([{"user_id": "alice", "status": "ANALYZING", "n": n} for n in range(3000)])
        documents.drop_indexes()
        with ThreadPoolExecutor(1) as pool:
            prepared = pool.submit(given.store.prepare, lambda: 0)
            time.sleep(milliseconds / 1000)  # the moment that is looked for
            documents.drop()
        error = prepared.exception()
        if isinstance(error, CheckpointMoved):
            return
        assert error is None
    pytest.fail("no build of an index was met")


def test_preparing_twice_changes_nothing(given: Given) -> None:
    before = given.store.checkpoint()

    assert given.store.prepare(head=lambda: 7) is None

    assert given.store.checkpoint() == before
    assert before.position == 0


def test_of_two_stores_that_begin_at_once_one_reports_it(mongodb_url: str, mongodb_database: str) -> None:
    with sync_client(mongodb_url) as client:
        first, second = (MongoProjectionStore(client, mongodb_database, MEALS) for _ in range(2))

        def head_after_the_other_store() -> int:
            assert second.prepare(head=lambda: 2) is StorageFault.MISSING
            return 1

        assert first.prepare(head_after_the_other_store) is None
        assert first.checkpoint() == second.checkpoint()
        assert first.checkpoint().serves_from == 2
        assert first.prepare(head=lambda: 3) is None
        for store in (first, second):
            store.close()


def test_a_dropped_storage_is_not_created_by_a_transaction(given: Given) -> None:
    start = given.store.checkpoint()
    given.client[given.database].drop_collection(MEALS.storage)

    with pytest.raises(CheckpointMoved), given.store.transaction(start, moved(start, 3)) as transaction:
        transaction.save(Changes(documents={"a": {"n": 1}}, parked=()))

    assert MEALS.storage not in given.client[given.database].list_collection_names()


def test_nothing_is_applied_without_the_list_of_parked_events(given: Given) -> None:
    start = given.store.checkpoint()
    given.client[given.database].drop_collection(parked_collection(MEALS.storage))

    with pytest.raises(CheckpointMoved), given.store.transaction(start, moved(start, 3)) as transaction:
        transaction.blocked({"a"}, {"stream"})

    assert given.store.checkpoint() == start


def test_parked_events_of_an_earlier_generation_block_nothing(given: Given) -> None:
    start = given.store.checkpoint()
    with given.store.transaction(start, moved(start, 3)) as transaction:
        transaction.save(Changes(documents={}, parked=(parked(1, "key"),)))
    given.client[given.database].drop_collection(MEALS.storage)

    assert given.store.prepare(head=lambda: 3) is StorageFault.MISSING

    again = given.store.checkpoint()
    with given.store.transaction(again, moved(again, 3)) as transaction:
        assert transaction.blocked({"key"}, {"stream"}).keys == frozenset()
    assert given.parked() == []


def test_a_refusal_is_kept_until_it_is_lifted(given: Given) -> None:
    start = given.store.checkpoint()
    given.store.refuse(start, "another log")
    assert given.store.checkpoint().unready == "another log"
    given.store.refuse(start, None)
    assert given.store.checkpoint() == start

    with pytest.raises(CheckpointMoved):
        given.store.refuse(moved(start, 3), "another log")


def test_the_indexes_are_those_that_the_projection_names(given: Given) -> None:
    made = given.client[given.database][MEALS.storage].index_information()

    for index in MEALS.indexes:
        assert made[index.name]["key"] == list(index.fields)
        assert made[index.name].get("partialFilterExpression", {}) == dict(index.where)


def test_documents_parked_events_and_checkpoint_are_written_together(given: Given) -> None:
    start = given.store.checkpoint()
    with given.store.transaction(start, moved(start, 3)) as transaction:
        assert transaction.documents({"a", "b"}) == {}
        transaction.save(
            Changes(documents={"a": {"n": 1}, "b": {"n": 2}}, parked=(parked(3, "c", error="E in f"),))
        )

    with given.store.transaction(moved(start, 3), moved(start, 4)) as transaction:
        assert transaction.documents({"a", "b", "x"}) == {"a": {"n": 1}, "b": {"n": 2}}
        transaction.save(Changes(documents={"a": {"n": 5}, "b": None, "x": None}, parked=()))

    assert given.store.checkpoint() == moved(start, 4)
    assert given.documents() == [{"_id": "a", "n": 5}]
    [document] = given.parked()
    del document["_id"]
    assert document == {
        "position": 3,
        "stream_id": "stream",
        "topic": "MealAnalyzed",
        "key": "c",
        "error": "E in f",
        "generation": start.generation,
    }


def test_a_transaction_that_ends_in_an_error_leaves_nothing(given: Given) -> None:
    start = given.store.checkpoint()

    def breaks_off() -> None:
        with given.store.transaction(start, moved(start, 3)) as transaction:
            transaction.save(Changes(documents={"a": {"n": 1}}, parked=(parked(1, "a"),)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks_off()

    assert given.store.checkpoint() == start
    assert given.documents() == []
    assert given.parked() == []


@pytest.mark.parametrize(
    "stale", [{"position": 2}, {"generation": "of a storage that was emptied since then"}]
)
def test_a_batch_is_refused_at_another_position_or_generation(given: Given, stale: dict[str, Any]) -> None:
    expected = structs.replace(given.store.checkpoint(), **stale)

    with pytest.raises(CheckpointMoved), given.store.transaction(expected, moved(expected, 3)):
        pytest.fail("the checkpoint comes first")


def test_the_same_batch_is_refused_the_second_time(given: Given) -> None:
    start = given.store.checkpoint()
    with given.store.transaction(start, moved(start, 3)) as transaction:
        transaction.save(NOTHING)

    with pytest.raises(CheckpointMoved), given.store.transaction(start, moved(start, 3)):
        pytest.fail("the checkpoint comes first")


def test_of_two_transactions_at_once_one_wins(given: Given) -> None:
    rival, start = given.another_store(), given.store.checkpoint()
    with given.store.transaction(start, moved(start, 3)) as transaction:
        with pytest.raises(CheckpointMoved), rival.transaction(start, moved(start, 4)):
            pytest.fail("the checkpoint comes first")
        transaction.save(Changes(documents={"a": {"n": 1}}, parked=()))

    assert rival.checkpoint() == moved(start, 3)
    rival.close()


def test_another_error_is_not_taken_for_a_conflict(given: Given) -> None:
    start = given.store.checkpoint()
    given.client[given.database][MEALS.storage].create_index("n", unique=True)

    with (
        pytest.raises(BulkWriteError),
        given.store.transaction(start, moved(start, 3)) as transaction,
    ):
        transaction.save(Changes(documents={"a": {"n": 1}, "b": {"n": 1}}, parked=()))


def test_a_refusal_of_the_database_gives_its_reason(given: Given) -> None:
    name = MEALS.indexes[0].name
    collection = given.client[given.database][MEALS.storage]
    collection.drop_index(name)
    collection.create_index("user_id", name=name)

    with pytest.raises(SourceUnavailable, match=f"^meals_v2: .*{name}"):
        given.store.prepare(head=lambda: 0)


def test_a_database_out_of_reach_gives_its_reason(unused_tcp_port: int) -> None:
    settings = ClientSettings(
        url=f"mongodb://127.0.0.1:{unused_tcp_port}", app_name="x", server_selection_timeout=0.1
    )
    with make_client(settings) as client:
        store = MongoProjectionStore(client, "nothing", MEALS)
        for ask in (partial(store.prepare, lambda: 0), store.checkpoint, store.heartbeat, store.close):
            with pytest.raises(SourceUnavailable, match=r"^meals_v2: .*127\.0\.0\.1"):
                ask()
        start = Checkpoint(generation="g")
        with pytest.raises(SourceUnavailable), store.transaction(start, moved(start, 1)):
            pytest.fail("the checkpoint comes first")


def test_parked_keys_and_streams_are_told_apart(given: Given) -> None:
    start = given.store.checkpoint()
    with given.store.transaction(start, moved(start, 3)) as transaction:
        transaction.save(Changes(documents={}, parked=(parked(1, "key", "one"), parked(2, None, "two"))))

    with given.store.transaction(moved(start, 3), moved(start, 4)) as transaction:
        blocked = transaction.blocked({"key", "other", "two"}, {"one", "two", "three"})
        assert (set(blocked.keys), set(blocked.streams)) == ({"key"}, {"two"})
        assert transaction.blocked((), ()).keys == frozenset()


def test_a_heartbeat_has_the_databases_time_and_ends_on_close(given: Given) -> None:
    given.store.heartbeat()
    [first] = given.collection(PROJECTORS)
    given.store.heartbeat()
    [second] = given.collection(PROJECTORS)
    assert first["projection"] == "meals_v2"
    assert first["at"] <= second["at"]

    given.store.close()

    assert given.collection(PROJECTORS) == []


_DIES_IN_A_TRANSACTION = """
import os, signal, sys
from msgspec import structs
from adapters.mongo.connection.client import ClientSettings, make_client
from adapters.mongo_projections.projection_store import MongoProjectionStore
from projections import MEALS, Changes

client = make_client(ClientSettings(url=sys.argv[1], app_name="projector-test"))
store = MongoProjectionStore(client, sys.argv[2], MEALS)
start = store.checkpoint()
with store.transaction(start, structs.replace(start, position=1)) as transaction:
    transaction.save(Changes(documents={"half": {}}, parked=()))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_projector_killed_in_a_transaction_blocks_for_seconds_only(given: Given, mongodb_url: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", _DIES_IN_A_TRANSACTION, mongodb_url, given.database],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        timeout=30,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    start = given.store.checkpoint()
    until = time.monotonic() + 10

    while True:
        try:
            with given.store.transaction(start, moved(start, 1)) as transaction:
                transaction.save(Changes(documents={"whole": {}}, parked=()))
            break
        except CheckpointMoved:
            assert time.monotonic() < until, "the dead projector still holds the checkpoint"
            time.sleep(0.05)  # as the runner pauses; bounded above

    assert given.documents() == [{"_id": "whole"}]
    assert given.store.checkpoint().position == 1
