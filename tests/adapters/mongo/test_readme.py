"""The page for users of the store: what it tells them to run is run here, on real documents of the meal ledger."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

import adapters.mongo.event_store
from ledger import Actor, Meal
from tests.ledger.plates import ALICE, plate, requested
from tests.projections.logs import MealLog, meal_log

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "adapters/mongo/README.md").read_text()
BOB = Actor(user_id="bob", correlation_id="request-2")


def pipeline(heading: str) -> list[dict[str, Any]]:
    """The pipeline that follows a line of the page."""
    found = re.search(rf"\*\*{re.escape(heading)}\*\*.*?```json\n(.*?)```", PAGE, re.DOTALL)
    assert found, heading
    stages: list[dict[str, Any]] = json.loads(found[1])
    return stages


def settings_table(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"\| (MONGODB_|CREATE_TABLE)", line)]


@pytest.fixture
def log(mongodb_url: str, mongodb_database: str) -> Iterator[MealLog]:
    with meal_log(mongodb_url, mongodb_database) as log:
        yield log


@pytest.fixture
def events(mongodb_url: str, mongodb_database: str) -> Iterator[Collection[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongodb_url, uuidRepresentation="standard") as client:
        yield client[mongodb_database]["meal_ledger_events"]


def analysed(user: Actor) -> Meal:
    meal = requested(user_id=user.user_id)
    meal.propose(plate(), actor=user)
    return meal


def confirmed(user: Actor, *names: str) -> Meal:
    meal = analysed(user)
    meal.confirm([entry.id for entry in meal.entries if entry.name in names], actor=user)
    return meal


def test_calories_count_confirmed_meals_as_they_stand(
    log: MealLog, events: Collection[dict[str, Any]]
) -> None:
    """By user and day."""
    corrected = confirmed(ALICE, "rice")
    corrected.update(
        timing=corrected.timing, notes=None, amounts={corrected.entries[0].id: 200.0}, actor=ALICE
    )
    deleted = confirmed(ALICE, "rice", "chicken")
    deleted.delete(actor=ALICE)
    log.save(corrected, deleted, confirmed(ALICE, "chicken"), confirmed(BOB, "rice"), analysed(BOB))

    found = list(events.aggregate(pipeline("What each person ate on each day.")))

    assert found == [
        {"_id": {"user": "alice", "day": "2025-11-13"}, "meals": 2, "calories": 260.0 + 198.0},
        {"_id": {"user": "bob", "day": "2025-11-13"}, "meals": 1, "calories": 195.0},
    ]


def test_foods_that_people_reject(log: MealLog, events: Collection[dict[str, Any]]) -> None:
    log.save(
        confirmed(ALICE, "rice"), confirmed(BOB, "rice"), confirmed(BOB, "rice", "chicken"), analysed(BOB)
    )

    found = list(events.aggregate(pipeline("Which recognised foods people reject.")))

    assert found == [
        {"_id": "chicken", "proposed": 3, "kept": 1},
        {"_id": "rice", "proposed": 3, "kept": 3},
    ]


def test_statuses_at_a_position(log: MealLog, events: Collection[dict[str, Any]]) -> None:
    first, second = analysed(ALICE), requested(user_id="bob")
    log.save(first)
    assert log.save(second) == 3
    first.confirm([entry.id for entry in first.entries], actor=ALICE)
    second.propose(plate(), actor=BOB)
    log.save(first, second)

    now = pipeline("How many meals stood in which status at a position.")
    then = [*now]
    assert then[0] == {"$match": {"_id": {"$lte": 1000}}}
    then[0] = {"$match": {"_id": {"$lte": 3}}}

    assert list(events.aggregate(now)) == [{"_id": "ANALYZED", "meals": 1}, {"_id": "CONFIRMED", "meals": 1}]
    assert list(events.aggregate(then)) == [{"_id": "ANALYZED", "meals": 1}, {"_id": "ANALYZING", "meals": 1}]


def test_the_page_shows_the_fields_of_a_document(log: MealLog, events: Collection[dict[str, Any]]) -> None:
    log.save(requested())
    document = events.find_one()
    assert document
    shown = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert shown == list(document)


def test_the_settings_are_those_of_the_module() -> None:
    assert settings_table(PAGE)
    assert settings_table(PAGE) == settings_table(adapters.mongo.event_store.__doc__ or "")


def test_the_example_runs_as_it_is_printed(mongodb_url: str, mongodb_database: str, tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert found
    script = tmp_path / "dogs.py"
    script.write_text(found[1])
    settings = {
        "PYTHONPATH": str(ROOT),
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": mongodb_database,
    }
    subprocess.run([sys.executable, script], env={**os.environ, **settings}, timeout=60, check=True)
    with MongoClient[dict[str, Any]](mongodb_url, uuidRepresentation="standard") as client:
        in_order = client[mongodb_database]["dogs_events"].find(sort=[("_id", 1)])
        assert [event["state"].get("trick") for event in in_order] == [None, "roll over"]
