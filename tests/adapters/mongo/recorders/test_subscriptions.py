"""Following a log: woken at once, by this process or another, and stopped from anywhere."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Timer
from typing import Any

import pytest
from eventsourcing.persistence import Notification, StoredEvent
from pymongo import MongoClient

from adapters.mongo.datastore import MongoDatastore
from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from adapters.mongo.settings import StoreSettings
from tests.adapters.mongo.cutting_proxy import CuttingProxy
from tests.adapters.mongo.fail_point import failing
from tests.pace import Stopwatch

New = Callable[..., list[StoredEvent]]


def next_one(
    recorder: MongoApplicationRecorder, gt: int | None, append: Callable[[], object]
) -> tuple[Notification, float]:
    """What a subscription that waits at the end gets of an append, and after how many seconds."""
    appended_at = 0.0

    def go() -> None:
        nonlocal appended_at
        appended_at = time.monotonic()
        append()

    with recorder.subscribe(gt=gt) as subscription:
        timer = Timer(0.5, go)  # by when it waits
        timer.start()
        notification = next(subscription)
        seconds = time.monotonic() - appended_at
        timer.join()
    return notification, seconds


def test_an_append_of_the_same_process_is_seen_at_once(
    recorder: MongoApplicationRecorder, new_stream: New
) -> None:
    notification, seconds = next_one(recorder, None, lambda: recorder.insert_events(new_stream()))
    assert notification.id == 1
    assert seconds < 0.5


def test_an_append_of_another_process_is_seen_at_once(
    make_factory: Callable[..., MongoFactory], new_stream: New
) -> None:
    # No polling within the test's time: only the change stream can tell.
    reader = make_factory(MONGODB_POLL_INTERVAL="60").application_recorder()
    writer = make_factory().application_recorder()
    assert isinstance(reader, MongoApplicationRecorder)
    notification, seconds = next_one(reader, None, lambda: writer.insert_events(new_stream()))
    assert notification.id == 1
    assert seconds < 0.5


def test_without_a_change_stream_it_polls(
    url_with_faults: str, make_faulty: Callable[..., MongoFactory], new_stream: New
) -> None:
    reader = make_faulty(MONGODB_POLL_INTERVAL="0.1").application_recorder()
    writer = make_faulty().application_recorder()
    assert isinstance(reader, MongoApplicationRecorder)
    with failing(url_with_faults, "aggregate", times=10_000, errorCode=13):  # Unauthorized
        notification, seconds = next_one(reader, None, lambda: writer.insert_events(new_stream()))
    assert notification.id == 1
    assert seconds < 0.5


def change_streams(url: str, namespace: str) -> int:
    """How many change streams on a collection the server has open."""
    with MongoClient[dict[str, Any]](url) as client:
        cursors = client.admin.aggregate(
            [
                {"$currentOp": {"idleCursors": True}},
                {"$match": {"ns": namespace, "cursor.tailable": True}},
                {"$group": {"_id": "$cursor.cursorId"}},
            ]
        )
        return len(list(cursors))


def test_all_subscriptions_of_a_log_share_one_change_stream(
    mongodb_url: str, mongodb_database: str, make_factory: Callable[..., MongoFactory], new_stream: New
) -> None:
    # No polling within the test's time: only the change stream can tell what another process appends.
    factory = make_factory(MONGODB_POLL_INTERVAL="60")
    writer = make_factory().application_recorder()
    readers = [factory.application_recorder() for _ in range(3)]
    namespace = f"{mongodb_database}.stored_events"
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(3))
        firsts = []
        for reader in readers:
            assert isinstance(reader, MongoApplicationRecorder)
            subscription = stack.enter_context(reader.subscribe())
            stack.callback(subscription.stop)
            firsts.append(threads.submit(next, subscription))
        time.sleep(0.5)  # by when all of them wait
        assert change_streams(mongodb_url, namespace) == 1
        writer.insert_events(new_stream())
        assert [first.result(5).id for first in firsts] == [1, 1, 1]
        assert change_streams(mongodb_url, namespace) == 1
    factory.close()
    assert change_streams(mongodb_url, namespace) == 0


def test_a_subscription_that_waits_is_stopped_from_another_thread(recorder: MongoApplicationRecorder) -> None:
    with recorder.subscribe() as subscription:
        Timer(0.3, subscription.stop).start()
        watch = Stopwatch()
        assert list(subscription) == []
        assert watch.seconds() < 0.9


def test_closing_the_factory_ends_the_wait(factory: MongoFactory, recorder: MongoApplicationRecorder) -> None:
    Timer(0.3, factory.close).start()
    watch = Stopwatch()
    recorder.wait_for_position(0, 30)
    assert watch.seconds() < 0.9


def test_closing_does_not_wait_for_a_silent_server(
    mongodb_url: str, make_factory: Callable[..., MongoFactory]
) -> None:
    with CuttingProxy(mongodb_url) as proxy:
        factory = make_factory(MONGODB_URL=proxy.url)
        recorder = factory.application_recorder()
        assert isinstance(recorder, MongoApplicationRecorder)
        proxy.hold_requests(b"aggregate")
        recorder.wait_for_position(0, 0.5)  # the change stream is asked for
        watch = Stopwatch()
        factory.close()
        assert watch.seconds() < 3


def test_all_that_closing_waits_for_shares_one_deadline(mongodb_url: str, mongodb_database: str) -> None:
    class Stuck:
        def close(self, timeout: float) -> None:
            time.sleep(timeout)

    datastore = MongoDatastore(StoreSettings(mongodb_url, mongodb_database, append_deadline=1))
    datastore.check()
    for _ in range(3):
        datastore.add_writer(Stuck())
    watch = Stopwatch()
    datastore.close()
    assert watch.elapsed() > 0.9
    assert watch.seconds() < 2.5


def test_waiting_returns_when_there_is_something_beyond(
    recorder: MongoApplicationRecorder, new_stream: New
) -> None:
    recorder.insert_events(new_stream(3))
    watch = Stopwatch()
    recorder.wait_for_position(2, 30)
    assert watch.seconds() < 0.5


def test_waiting_returns_in_time_when_there_is_nothing(
    recorder: MongoApplicationRecorder, new_stream: New
) -> None:
    recorder.insert_events(new_stream())
    recorder.wait_for_position(1, 0.5)  # the change stream has begun
    watch = Stopwatch()
    recorder.wait_for_position(1, 0.3)
    assert watch.elapsed() > 0.2
    assert watch.seconds() < 0.9


def test_a_subscription_yields_only_its_topics(recorder: MongoApplicationRecorder, new_stream: New) -> None:
    """Events of other topics are passed once, and not looked at again."""
    wanted = [replace(event, topic="wanted") for event in new_stream()]
    recorder.insert_events(new_stream(20))
    recorder.insert_events(wanted)
    recorder.insert_events(new_stream(20))
    with recorder.subscribe(gt=0, topics=["wanted"]) as subscription:
        assert next(subscription).id == 21
        Timer(0.3, lambda: recorder.insert_events([replace(wanted[0], originator_version=2)])).start()
        assert next(subscription).id == 42
        # What others have appended meanwhile has been passed, and is not looked at again.
        assert vars(subscription)["_seen"] >= 42


@pytest.mark.parametrize("gt", [None, 0, 700])
def test_a_long_log_is_read_page_by_page(
    recorder: MongoApplicationRecorder, new_stream: New, gt: int | None
) -> None:
    recorder.insert_events(new_stream(1200))
    seen = []
    with recorder.subscribe(gt=gt) as subscription:
        for notification in subscription:
            seen.append(notification.id)
            if notification.id == 1200:
                break
    assert seen == list(range((gt or 0) + 1, 1201))
