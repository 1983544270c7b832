"""What is lost of a storage under running projectors is noticed, logged and rebuilt from the log."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bson
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from adapters.mongo.connection.client import Document
from adapters.mongo_projections.projection_store import MongoProjectionStore
from adapters.mongo_projections.storage import PROJECTORS, checkpoint_id, parked_collection
from ledger import Meal
from projections import DAILY_SUMMARIES, MEALS, Projector, ProjectorGroup
from tests.adapters.mongo_projections.projection_fixtures import sync_client
from tests.ledger.plates import ALICE, analyzed
from tests.projections.logs import MealLog, meal_log

STORAGES = (MEALS.storage, DAILY_SUMMARIES.storage)
EVENTS = "meal_ledger_events"


@dataclass
class Given:
    client: MongoClient[Document]
    name: str
    log: MealLog

    @property
    def database(self) -> Database[Document]:
        return self.client[self.name]

    def projectors(self, **arguments: Any) -> ProjectorGroup:
        return ProjectorGroup(
            [
                Projector(
                    projection,
                    self.log,
                    MongoProjectionStore(self.client, self.name, projection),
                    **arguments,
                )
                for projection in (MEALS, DAILY_SUMMARIES)
            ]
        )

    def checkpoint(self, storage: str = MEALS.storage) -> Document:
        return self.database[storage].find_one({"_id": checkpoint_id(storage)}) or {"position": -1}

    def documents(self, storage: str = MEALS.storage) -> list[bytes]:
        found = self.database[storage].find({"_id": {"$type": "string"}}, sort=[("_id", 1)])
        return [bson.encode(document) for document in found]

    def caught_up(self, position: int) -> bool:
        return all(self.checkpoint(storage)["position"] == position for storage in STORAGES)


@pytest.fixture
def given(mongodb_url: str, mongodb_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Given]:
    monkeypatch.setattr("projections.runner.HEARTBEAT_SECONDS", 0.1)
    with sync_client(mongodb_url) as client, meal_log(mongodb_url, mongodb_database) as log:
        yield Given(client, mongodb_database, log)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[dict[str, Any]]]:
    """The lines of that event name, warnings and errors."""
    caplog.set_level(logging.WARNING, "projections")

    def lines(name: str) -> list[dict[str, Any]]:
        return [vars(record) for record in caplog.records if record.msg == name]

    return lines


Logged = Callable[[str], list[dict[str, Any]]]


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.01)  # a poll, bounded by the line above


def some_meals(count: int = 5) -> list[Meal]:
    meals = [analyzed(user_id=("alice", "bob")[number % 2]) for number in range(count)]
    for meal in meals[::2]:
        meal.confirm([meal.entries[0].id], actor=ALICE)
    return meals


def drop_documents(given: Given) -> None:
    given.database.drop_collection(MEALS.storage)


def drop_checkpoint(given: Given) -> None:
    given.database[MEALS.storage].delete_one({"_id": checkpoint_id(MEALS.storage)})


def delete_everything(given: Given) -> None:
    given.database[MEALS.storage].delete_many({})


def drop_all_collections(given: Given) -> None:
    for name in (PROJECTORS, MEALS.storage, parked_collection(MEALS.storage)):
        given.database.drop_collection(name)


def drop_parked_events(given: Given) -> None:
    given.database.drop_collection(parked_collection(MEALS.storage))


def restore_without_checkpoint(given: Given) -> None:
    given.database["restored"].insert_one({"_id": "of another storage", "user_id": "alice"})
    given.database["restored"].rename(MEALS.storage, dropTarget=True)


def restore_another_storage(given: Given) -> None:
    documents = list(given.database[DAILY_SUMMARIES.storage].find())
    given.database["restored"].insert_many([given.checkpoint() | {"generation": "another"}, *documents])
    given.database["restored"].rename(MEALS.storage, dropTarget=True)


LOSSES = [
    (drop_documents, "missing"),
    (drop_checkpoint, "documents without a checkpoint"),
    (delete_everything, "missing"),
    (drop_all_collections, "missing"),
    (drop_parked_events, "parked events lost"),
    (restore_without_checkpoint, "documents without a checkpoint"),
    (restore_another_storage, "parked events lost"),
]


@pytest.mark.parametrize(("lose", "reason"), LOSSES)
def test_a_lost_storage_is_rebuilt_by_an_idle_projector(
    given: Given, logged: Logged, lose: Callable[[Given], None], reason: str
) -> None:
    with given.projectors():
        head = given.log.save(*some_meals())
        eventually(lambda: given.caught_up(head))
        documents, days = given.documents(), given.documents(DAILY_SUMMARIES.storage)
        begun = len(logged("read_model_rebuild_started"))

        lose(given)
        eventually(lambda: logged("read_model_rebuild_started")[begun:])
        eventually(lambda: given.caught_up(head))

    assert given.documents() == documents
    assert given.documents(DAILY_SUMMARIES.storage) == days
    assert given.checkpoint()["serves_from"] == head
    indexes = given.database[MEALS.storage].index_information()
    assert {index.name for index in MEALS.indexes} <= indexes.keys()
    assert "forget" in given.database[PROJECTORS].index_information()
    [line] = logged("read_model_rebuild_started")[begun:]
    assert (line["projection"], line["reason"], line["head"]) == (MEALS.storage, reason, head)
    assert logged("projection_paused") == []


@pytest.mark.parametrize("lose", [lose for lose, _ in LOSSES])
def test_a_storage_lost_while_two_projectors_write_is_rebuilt_whole(
    given: Given, logged: Logged, lose: Callable[[Given], None]
) -> None:
    meals = some_meals(60)
    given.log.save(*meals[:20])
    with given.projectors(batch_size=3), given.projectors(batch_size=3):
        eventually(lambda: given.checkpoint()["position"] > 0)
        begun = len(logged("read_model_rebuild_started"))
        for number, meal in enumerate(meals[20:]):
            head = given.log.save(meal)
            if number == 20:
                lose(given)
        eventually(lambda: logged("read_model_rebuild_started")[begun:])
        eventually(lambda: given.caught_up(head))

    assert len(given.documents()) == len(meals)
    for meal in meals:
        found = given.database[MEALS.storage].find_one({"_id": str(meal.id)})
        assert found is not None
        assert found["status"] == meal.status.value
    assert given.database[parked_collection(MEALS.storage)].count_documents({"position": {"$gt": 0}}) == 0
    assert [line["error"] for line in logged("projection_paused")] == []


def test_a_dropped_index_is_restored_and_the_documents_stay(given: Given, logged: Logged) -> None:
    with given.projectors():
        head = given.log.save(*some_meals())
        eventually(lambda: given.caught_up(head))
        before = given.checkpoint()

        given.database[MEALS.storage].drop_index("history")
        eventually(lambda: "history" in given.database[MEALS.storage].index_information())

    assert given.checkpoint() == before
    eventually(lambda: logged("read_model_indexes_restored"))
    [line] = logged("read_model_indexes_restored")
    assert (line["projection"], line["indexes"]) == (MEALS.storage, ["meals_v2.history"])


def test_a_whole_storage_of_another_log_is_refused_until_dropped(
    given: Given, logged: Logged, mongodb_url: str
) -> None:
    other = Given(given.client, f"{given.name}_other", given.log)
    with meal_log(mongodb_url, other.name) as other.log, other.projectors():
        there = other.log.save(*some_meals(2))
        eventually(lambda: other.caught_up(there))
    names = (MEALS.storage, parked_collection(MEALS.storage))
    foreign = {name: list(other.database[name].find()) for name in names}
    given.client.drop_database(other.name)

    head = given.log.save(*some_meals())
    with given.projectors():
        eventually(lambda: given.caught_up(head))
        documents = given.documents()
    for name in names:
        given.database.drop_collection(name)
        given.database[name].insert_many(foreign[name])
    with given.projectors():
        eventually(lambda: given.checkpoint().get("refused"))

        assert "the log holds another event at position" in given.checkpoint()["refused"]
        assert list(given.database[MEALS.storage].find({"_id": {"$type": "string"}})) != []
        given.database.drop_collection(MEALS.storage)
        eventually(lambda: given.caught_up(head))

    assert given.documents() == documents
    assert [line["projection"] for line in logged("projection_paused")] == [MEALS.storage]


def test_a_log_shorter_than_the_checkpoint_is_refused(given: Given, logged: Logged) -> None:
    with given.projectors():
        head = given.log.save(*some_meals())
        eventually(lambda: given.caught_up(head))
        documents, generation = given.documents(), given.checkpoint()["generation"]
        events = list(given.database[EVENTS].find())

        given.database[EVENTS].delete_many({"_id": {"$gt": 3}})
        eventually(lambda: all(given.checkpoint(storage).get("refused") for storage in STORAGES))

        assert f"the log holds no event at position {head}" in given.checkpoint()["refused"]
        given.database[EVENTS].insert_many(events[3:])
        eventually(lambda: all(given.checkpoint(storage)["refused"] is None for storage in STORAGES))

    assert (given.documents(), given.checkpoint()["generation"]) == (documents, generation)
    assert {line["projection"] for line in logged("projection_paused")} == set(STORAGES)
