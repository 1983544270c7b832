"""Meals loaded from the event store on a real MongoDB: a stream without end is refused before it is decoded."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient

from ledger import Meal, MealFull, MealLedger, MealNotFound, MealStatus, Unreadable
from ledger.meal import MAX_EVENTS
from ledger.repository import MealRepository
from tests.ledger.plates import ALICE, analyzed
from tests.projections.logs import meal_log


class Effort:
    """Counts the events that the ledger reads and decodes."""

    def __init__(self, ledger: MealLedger, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read = self.decoded = 0
        self._select = ledger.recorder.select_events
        self._decode = ledger.mapper.to_domain_event
        monkeypatch.setattr(ledger.recorder, "select_events", self.select_events)
        monkeypatch.setattr(ledger.mapper, "to_domain_event", self.to_domain_event)

    def select_events(self, *arguments: Any, **bounds: Any) -> Sequence[StoredEvent]:
        found = self._select(*arguments, **bounds)
        self.read += len(found)
        return found

    def to_domain_event(self, stored: StoredEvent) -> DomainEventProtocol[UUID]:
        self.decoded += 1
        return self._decode(stored)


@pytest.fixture
def ledger(mongodb_url: str, mongodb_database: str) -> Iterator[MealLedger]:
    with meal_log(mongodb_url, mongodb_database) as log:
        yield log.ledger


@pytest.fixture
def meals(ledger: MealLedger) -> Iterator[MealRepository]:
    repository = MealRepository(ledger, threads=2)
    yield repository
    repository.close()


@pytest.fixture
def no_forced_switches() -> Iterator[None]:
    """Threads switch only where one of them waits."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    yield
    sys.setswitchinterval(interval)


def updated(meal: Meal, times: int) -> Meal:
    for number in range(times):
        meal.update(timing=meal.timing, notes=f"note {number}", amounts={}, actor=ALICE)
    return meal


def write_directly(ledger: MealLedger, length: int) -> UUID:
    """The id of a stream of that many events, past every rule of the aggregate."""
    meal = updated(analyzed(), 1)
    *first, last = map(ledger.mapper.to_stored_event, meal.collect_events())
    more = [replace(last, originator_version=version) for version in range(3, length + 1)]
    ledger.recorder.insert_events([*first, *more])
    return meal.id


async def test_a_stream_over_the_limit_is_rejected_undecoded(
    ledger: MealLedger, meals: MealRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    meal_id = write_directly(ledger, 3 * MAX_EVENTS)
    effort = Effort(ledger, monkeypatch)
    with pytest.raises(MealFull):
        await meals.get_own(meal_id, "alice")
    assert (effort.read, effort.decoded) == (MAX_EVENTS + 1, 1)


def test_a_long_stream_does_not_hold_the_interpreter(
    ledger: MealLedger, meals: MealRepository, monkeypatch: pytest.MonkeyPatch, no_forced_switches: None
) -> None:
    meal_id = write_directly(ledger, MAX_EVENTS)
    effort = Effort(ledger, monkeypatch)
    loading = threading.Thread(target=lambda: asyncio.run(meals.get(meal_id)))
    loading.start()
    seen = set()
    while loading.is_alive():
        seen.add(effort.decoded)
        time.sleep(0)
    loading.join()
    assert effort.decoded == MAX_EVENTS
    assert len(seen) > MAX_EVENTS // 50


async def test_another_persons_stream_over_the_limit_is_not_found(
    ledger: MealLedger, meals: MealRepository
) -> None:
    meal_id = write_directly(ledger, MAX_EVENTS + 1)
    for missing in (meal_id, uuid4()):
        with pytest.raises(MealNotFound):
            await meals.get_own(missing, "bob")


async def test_a_full_meal_is_loaded_and_deleted(ledger: MealLedger, meals: MealRepository) -> None:
    meal = updated(analyzed(), MAX_EVENTS - 4)
    meal.confirm([meal.entries[0].id], actor=ALICE)
    await meals.append(meal)
    meal = await meals.get_own(meal.id, "alice")
    with pytest.raises(MealFull):
        updated(meal, 1)
    meal.delete(actor=ALICE)
    assert await meals.append(meal) == MAX_EVENTS
    assert (await meals.get(meal.id)).status is MealStatus.DELETED


@pytest.mark.parametrize("damage", [{"state": 5}, {"state": "text"}, {"topic": 5}])
async def test_a_damaged_event_is_unreadable_and_no_outage(
    ledger: MealLedger,
    meals: MealRepository,
    mongodb_url: str,
    mongodb_database: str,
    damage: dict[str, object],
) -> None:
    meal = analyzed()
    await meals.append(meal)
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        events = client[mongodb_database]["meal_ledger_events"]
        assert events.update_one({"_id": 1}, {"$set": damage}).modified_count == 1
    with pytest.raises(Unreadable):
        await meals.get(meal.id)
