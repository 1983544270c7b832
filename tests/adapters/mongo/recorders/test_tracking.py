"""Tracking: each position once, never backwards, and together with what is written for it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, Tracking
from pymongo.client_session import ClientSession

from adapters.mongo.event_store import MongoFactory, MongoTrackingRecorder
from tests.adapters.mongo.fail_point import failing
from tests.pace import Stopwatch


class Dishes(MongoTrackingRecorder):
    """A view that counts dishes."""

    def count(self, dish: str, tracking: Tracking) -> None:
        def write(session: ClientSession) -> None:
            self._dishes.update_one({"_id": dish}, {"$inc": {"count": 1}}, upsert=True, session=session)

        self.record_with(tracking, write)

    def counted(self, dish: str) -> int:
        found = self._dishes.find_one({"_id": dish})
        return found["count"] if found else 0

    @property
    def _dishes(self) -> Any:
        return self.datastore.collection("dishes")


@pytest.fixture
def dishes(make_faulty: Callable[..., MongoFactory]) -> Dishes:
    made = make_faulty().tracking_recorder(Dishes)
    assert isinstance(made, Dishes)
    return made


def test_a_view_and_its_tracking_are_written_together_and_once(dishes: Dishes) -> None:
    dishes.count("soup", Tracking("kitchen", 1))
    dishes.count("soup", Tracking("kitchen", 2))
    with pytest.raises(IntegrityError):
        dishes.count("soup", Tracking("kitchen", 2))
    assert (dishes.counted("soup"), dishes.max_tracking_id("kitchen")) == (2, 2)


def test_what_fails_leaves_neither(dishes: Dishes) -> None:
    def write(session: ClientSession) -> None:
        dishes.datastore.collection("dishes").insert_one({"_id": "tea"}, session=session)
        raise LookupError

    with pytest.raises(LookupError):
        dishes.record_with(Tracking("kitchen", 1), write)
    assert dishes.datastore.collection("dishes").count_documents({}) == 0
    assert dishes.max_tracking_id("kitchen") is None


@pytest.mark.parametrize("code", [11602, 50])
def test_an_interrupted_transaction_is_retried_and_counts_once(
    url_with_faults: str, dishes: Dishes, code: int
) -> None:
    with failing(url_with_faults, "commitTransaction", times=3, errorCode=code):
        dishes.count("soup", Tracking("kitchen", 1))
    assert (dishes.counted("soup"), dishes.max_tracking_id("kitchen")) == (1, 1)


def test_a_refusal_is_said_at_once(url_with_faults: str, dishes: Dishes) -> None:
    with (
        failing(url_with_faults, "update", times=1, errorCode=13),  # Unauthorized
        pytest.raises(OperationalError, match="cannot record"),
    ):
        dishes.count("soup", Tracking("kitchen", 1))


@pytest.mark.parametrize("insert", ["insert_one", "insert_many"])
def test_a_duplicate_key_of_a_view_fails_at_once(dishes: Dishes, insert: str) -> None:
    collection = dishes.datastore.collection("dishes")
    collection.insert_one({"_id": "tea"})
    calls = 0

    def write(session: ClientSession) -> None:
        nonlocal calls
        calls += 1
        document = {"_id": "tea"}
        getattr(collection, insert)(document if insert == "insert_one" else [document], session=session)

    watch = Stopwatch()
    with pytest.raises(IntegrityError, match=r"cannot record .*duplicate key"):
        dishes.record_with(Tracking("kitchen", 1), write)
    assert watch.seconds() < 1
    assert calls == 1
    assert dishes.max_tracking_id("kitchen") is None


def test_of_many_that_track_one_position_exactly_one_succeeds(dishes: Dishes) -> None:
    def count(position: int) -> bool:
        try:
            dishes.count("soup", Tracking("kitchen", position))
        except IntegrityError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        for position in range(1, 11):
            assert sum(threads.map(count, [position] * 8)) == 1
    assert (dishes.counted("soup"), dishes.max_tracking_id("kitchen")) == (10, 10)


def test_one_of_two_slow_views_commits(dishes: Dishes) -> None:
    def write(session: ClientSession) -> None:
        time.sleep(2.5)  # long enough to be taken for dead
        dishes.datastore.collection("dishes").insert_one({"_id": "tea"}, session=session)

    def track(_: int) -> bool:
        try:
            dishes.record_with(Tracking("kitchen", 1), write)
        except IntegrityError:
            return False
        return True

    dishes.insert_tracking(Tracking("another kitchen", 1))  # the collection is there
    watch = Stopwatch()
    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(track, range(2))) == [False, True]
    assert watch.seconds() < 15
