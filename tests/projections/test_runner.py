"""Projectors in threads: they follow the log, outlive outages, and stop when they are told to."""

import logging
import statistics
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from pymongo import MongoClient

from adapters.mongo.connection.client import Document
from adapters.mongo_projections.projection_store import PROJECTORS, MongoProjectionStore
from projections import (
    DAILY_SUMMARIES,
    MEALS,
    Batch,
    EventLog,
    Projection,
    Projector,
    ProjectorGroup,
)
from tests.adapters.mongo_projections.projection_fixtures import sync_client
from tests.ledger.plates import ALICE, analyzed
from tests.projections.logs import MealLog, meal_log


@dataclass
class Given:
    client: MongoClient[Document]
    database: str
    log: MealLog

    def projector(self, projection: Projection, log: EventLog | None = None) -> Projector:
        store = MongoProjectionStore(self.client, self.database, projection)
        return Projector(projection, log or self.log, store)

    def find(self, collection: str, key: str) -> Document | None:
        return self.client[self.database][collection].find_one({"_id": key})

    def projectors_alive(self) -> int:
        return self.client[self.database][PROJECTORS].count_documents({})


@pytest.fixture
def given(mongodb_url: str, mongodb_database: str) -> Iterator[Given]:
    with sync_client(mongodb_url) as client, meal_log(mongodb_url, mongodb_database) as log:
        yield Given(client, mongodb_database, log)


def eventually(condition: Callable[[], object], timeout: float = 10) -> float:
    """The seconds until the condition holds; fails after `timeout`."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < timeout, "it did not come about in time"
        time.sleep(0.002)  # a poll, bounded by the line above
    return time.monotonic() - start


class FlakyLog:
    """The log behind a network that breaks: it fails as often as it is told to."""

    def __init__(self, log: EventLog, failures: int) -> None:
        self._log = log
        self.failures = failures

    def read(self, after: int, limit: int, topics: Collection[str]) -> Batch | None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("cannot reach alice's log")
        return self._log.read(after, limit, topics)

    def wait(self, beyond: int, timeout: float) -> None:
        self._log.wait(beyond, timeout)


class StuckLog(FlakyLog):
    """The log behind a wait that ends only when it is let go."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log, 0)
        self.waiting, self.let_go = threading.Event(), threading.Event()

    def wait(self, beyond: int, timeout: float) -> None:  # noqa: ARG002 - as the port has it
        self.waiting.set()
        assert self.let_go.wait(30)


def test_it_follows_the_log_and_takes_its_heartbeat_back_at_the_end(given: Given) -> None:
    before, after = analyzed(), analyzed()
    given.log.save(before)
    group = ProjectorGroup([given.projector(MEALS), given.projector(DAILY_SUMMARIES)])
    with group:
        given.log.save(after)
        eventually(lambda: given.find("meals_v1", str(after.id)))
        eventually(lambda: given.projectors_alive() == 2)
        assert given.find("meals_v1", str(before.id)) is not None

    assert given.projectors_alive() == 0
    assert group.stop(timeout=0)


def test_a_change_is_visible_within_100_ms_as_a_rule(given: Given) -> None:
    meals = [analyzed() for _ in range(25)]
    with ProjectorGroup([given.projector(MEALS), given.projector(DAILY_SUMMARIES)]):
        given.log.save(meals[0])
        eventually(lambda: given.find("meals_v1", str(meals[0].id)))
        seconds = []
        for meal in meals[1:]:
            given.log.save(meal)
            seconds.append(eventually(partial(given.find, "meals_v1", str(meal.id))))

    assert statistics.median(seconds) < 0.1


def test_it_stops_promptly_also_when_there_is_nothing_to_do(given: Given) -> None:
    group = ProjectorGroup([given.projector(MEALS)])
    group.start()
    eventually(lambda: given.projectors_alive() == 1)
    before = time.monotonic()

    assert group.stop()

    assert time.monotonic() - before < 5


def test_a_projector_that_does_not_end_in_time_is_reported(given: Given) -> None:
    log = StuckLog(given.log)
    group = ProjectorGroup([given.projector(MEALS, log)])
    group.start()
    assert log.waiting.wait(10)

    assert not group.stop(timeout=0.05)

    log.let_go.set()
    assert group.stop()


def test_an_outage_is_logged_once_and_survived(given: Given, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "projections")
    meal = analyzed()
    given.log.save(meal)
    log = FlakyLog(given.log, failures=4)
    with ProjectorGroup([given.projector(MEALS, log)]):
        eventually(lambda: given.find("meals_v1", str(meal.id)))
        log.failures = 1
        meal.delete(actor=ALICE)
        given.log.save(meal)
        eventually(lambda: (given.find("meals_v1", str(meal.id)) or {}).get("status") == "DELETED")

    messages = [record.getMessage() for record in caplog.records if record.name == "projections.runner"]
    assert [message.partition(":")[2].split(",")[0] for message in messages] == [
        " cannot follow the log",
        " follows the log again",
        " cannot follow the log",
        " follows the log again",
    ]
    assert "ConnectionError in tests.projections.test_runner.read" in messages[0]
    assert "alice" not in caplog.text


def test_an_outage_shows_in_the_heartbeat(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.runner.HEARTBEAT_SECONDS", 0.0)
    log = FlakyLog(given.log, failures=0)
    with ProjectorGroup([given.projector(MEALS, log)]):
        eventually(lambda: given.projectors_alive() == 1)
        log.failures = 1_000_000
        given.log.save(analyzed())
        eventually(lambda: log.failures < 1_000_000)
        [before] = given.client[given.database][PROJECTORS].find()
        tried = log.failures
        eventually(lambda: log.failures < tried - 2)
        [after] = given.client[given.database][PROJECTORS].find()

    assert after["at"] == before["at"]


def test_two_groups_at_once_end_where_one_would(given: Given) -> None:
    meals = [analyzed() for _ in range(20)]
    with ProjectorGroup([given.projector(MEALS)]), ProjectorGroup([given.projector(MEALS)]):
        for meal in meals:
            given.log.save(meal)
        eventually(lambda: given.find("meals_v1", str(meals[-1].id)))

    assert given.client[given.database]["meals_v1"].count_documents({"status": "ANALYZED"}) == 20


class RivalLog(FlakyLog):
    """The log, with a rival that applies the first batch just before we do."""

    def __init__(self, log: EventLog, rival: Projector) -> None:
        super().__init__(log, 0)
        self._rival = rival
        self.rival_came_first = False

    def read(self, after: int, limit: int, topics: Collection[str]) -> Batch | None:
        batch = super().read(after, limit, topics)
        if batch is not None and not self.rival_came_first:
            self.rival_came_first = self._rival.advance()
        return batch


def test_a_race_lost_to_a_rival_is_no_outage(given: Given, caplog: pytest.LogCaptureFixture) -> None:
    first, second = analyzed(), analyzed()
    given.log.save(first)
    rival = given.projector(MEALS)
    rival.prepare()
    log = RivalLog(given.log, rival)
    with ProjectorGroup([given.projector(MEALS, log)]):
        eventually(lambda: log.rival_came_first)
        given.log.save(second)
        eventually(lambda: given.find("meals_v1", str(second.id)))
    rival.close()

    assert caplog.records == []


def test_a_projector_that_cannot_sign_off_ends_all_the_same(
    given: Given, mongodb_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with sync_client(mongodb_url) as client:
        log = StuckLog(given.log)
        store = MongoProjectionStore(client, given.database, MEALS)
        group = ProjectorGroup([Projector(MEALS, log, store)])
        group.start()
        assert log.waiting.wait(10)
        assert not group.stop(timeout=0)
    log.let_go.set()

    assert group.stop()
    assert "meals_v1: could not sign off: meals_v1: " in caplog.text
