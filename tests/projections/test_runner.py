"""Projectors in threads: they follow the log, outlive outages, and stop when they are told to."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from pymongo import MongoClient

from adapters.mongo.connection.client import Document
from adapters.mongo_projections.projection_store import MongoProjectionStore
from adapters.mongo_projections.storage import PROJECTORS
from projections import (
    DAILY_SUMMARIES,
    MEALS,
    Checkpoint,
    LogPage,
    LogReader,
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

    def projector(self, projection: Projection, log: LogReader | None = None) -> Projector:
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


def eventually(condition: Callable[[], object], timeout: float = 30) -> None:
    """Return when the condition holds; fail after `timeout` seconds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < timeout, "it did not come about in time"
        time.sleep(0.002)  # a poll, bounded by the line above


class FlakyLog:
    """The log behind a network that breaks: it fails as often as it is told to."""

    def __init__(self, log: LogReader, failures: int) -> None:
        self._log = log
        self.failures = failures

    def read(self, checkpoint: Checkpoint, limit: int, topics: Collection[str]) -> LogPage | None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("cannot reach alice's log")
        return self._log.read(checkpoint, limit, topics)

    def head(self) -> int:
        return self._log.head()

    def wait(self, beyond: int, timeout: float) -> None:
        self._log.wait(beyond, timeout)


class StuckLog(FlakyLog):
    """The log behind a wait that ends only when it is released."""

    def __init__(self, log: LogReader) -> None:
        super().__init__(log, 0)
        self.waiting, self.released = threading.Event(), threading.Event()

    def wait(self, beyond: int, timeout: float) -> None:  # noqa: ARG002 - as the port has it
        self.waiting.set()
        assert self.released.wait(30)


def test_it_follows_the_log_and_deletes_its_heartbeat(given: Given) -> None:
    before, after = analyzed(), analyzed()
    given.log.save(before)
    group = ProjectorGroup([given.projector(MEALS), given.projector(DAILY_SUMMARIES)])
    with group:
        given.log.save(after)
        eventually(lambda: given.find("meals_v2", str(after.id)))
        eventually(lambda: given.projectors_alive() == 2)
        assert given.find("meals_v2", str(before.id)) is not None

    assert given.projectors_alive() == 0
    assert group.stop(timeout=0)


def test_a_change_wakes_the_projector(
    mongodb_url: str, mongodb_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the wake-up it would look again after an hour."""
    monkeypatch.setattr("projections.runner.IDLE_SECONDS", 3600.0)
    with (
        sync_client(mongodb_url) as client,
        meal_log(mongodb_url, mongodb_database, MONGODB_POLL_INTERVAL="3600") as log,
    ):
        given = Given(client, mongodb_database, log)
        group = ProjectorGroup([given.projector(MEALS)])
        group.start()
        for meal in [analyzed() for _ in range(5)]:
            log.save(meal)
            eventually(partial(given.find, "meals_v2", str(meal.id)), timeout=60)

        group.stop(timeout=0)
        log.save(analyzed())
        assert group.stop(timeout=60)


def test_an_idle_projector_stops_when_asked_to(given: Given) -> None:
    group = ProjectorGroup([given.projector(MEALS)])
    group.start()
    eventually(lambda: given.projectors_alive() == 1)

    assert group.stop()


def test_a_projector_that_does_not_end_in_time_is_reported(given: Given) -> None:
    log = StuckLog(given.log)
    group = ProjectorGroup([given.projector(MEALS, log)])
    group.start()
    assert log.waiting.wait(30)

    assert not group.stop(timeout=0.05)

    log.released.set()
    assert group.stop()


def test_an_outage_is_logged_once_and_survived(given: Given, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "projections")
    meal = analyzed()
    given.log.save(meal)
    log = FlakyLog(given.log, failures=4)
    with ProjectorGroup([given.projector(MEALS, log)]):
        eventually(lambda: given.find("meals_v2", str(meal.id)))
        log.failures = 1
        meal.delete(actor=ALICE)
        given.log.save(meal)
        eventually(lambda: (given.find("meals_v2", str(meal.id)) or {}).get("status") == "DELETED")

    logged = [record for record in caplog.records if record.name == "projections.runner"]
    assert [record.msg for record in logged] == ["projection_paused", "projection_resumed"] * 2
    assert "ConnectionError in tests.projections.test_runner.read" in vars(logged[0])["error"]
    assert "alice" not in repr([vars(record) for record in logged])


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
        eventually(lambda: given.find("meals_v2", str(meals[-1].id)))

    assert given.client[given.database]["meals_v2"].count_documents({"status": "ANALYZED"}) == 20


class RivalLog(FlakyLog):
    """The log, with a rival that applies the first batch just before we do."""

    def __init__(self, log: LogReader, rival: Projector) -> None:
        super().__init__(log, 0)
        self._rival = rival
        self.rival_came_first = False

    def read(self, checkpoint: Checkpoint, limit: int, topics: Collection[str]) -> LogPage | None:
        page = super().read(checkpoint, limit, topics)
        if page is not None and not self.rival_came_first:
            self.rival_came_first = self._rival.advance()
        return page


def test_a_race_lost_to_a_rival_is_no_outage(given: Given, caplog: pytest.LogCaptureFixture) -> None:
    first, second = analyzed(), analyzed()
    given.log.save(first)
    rival = given.projector(MEALS)
    rival.prepare()
    log = RivalLog(given.log, rival)
    with ProjectorGroup([given.projector(MEALS, log)]):
        eventually(lambda: log.rival_came_first)
        given.log.save(second)
        eventually(lambda: given.find("meals_v2", str(second.id)))
    rival.close()

    assert [record.msg for record in caplog.records if record.levelno >= logging.WARNING] == [
        "read_model_rebuild_started"  # of the rival, which came to a log with events
    ]


def test_a_projector_that_cannot_delete_its_heartbeat_still_ends(
    given: Given, mongodb_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with sync_client(mongodb_url) as client:
        log = StuckLog(given.log)
        store = MongoProjectionStore(client, given.database, MEALS)
        group = ProjectorGroup([Projector(MEALS, log, store)])
        group.start()
        assert log.waiting.wait(30)
        assert not group.stop(timeout=0)
    log.released.set()

    assert group.stop()
    [logged] = [vars(record) for record in caplog.records if record.msg == "projector_heartbeat_not_deleted"]
    assert logged["projection"] == "meals_v2"
    assert logged["error"].startswith("meals_v2: ")
