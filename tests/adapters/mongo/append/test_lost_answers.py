"""What becomes of an append whose answer is lost, or that a dead writer stands in the way of."""

from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent, Tracking
from pymongo import MongoClient
from pymongo.collection import Collection

from adapters.mongo.event_store import (
    AppendOutcomeUnknownError,
    MongoApplicationRecorder,
    MongoFactory,
    MongoTrackingRecorder,
)
from tests.adapters.mongo.cutting_proxy import CuttingProxy
from tests.adapters.mongo.fail_point import failing
from tests.pace import Stopwatch

Documents = Collection[dict[str, Any]]


@pytest.fixture
def proxy(mongodb_url: str) -> Iterator[CuttingProxy]:
    with CuttingProxy(mongodb_url) as proxy:
        yield proxy


@pytest.fixture
def cut_off(proxy: CuttingProxy, make_factory: Callable[..., MongoFactory]) -> MongoApplicationRecorder:
    """A recorder behind the proxy, which gives a try 0.3 seconds and an append two."""
    factory = make_factory(
        MONGODB_URL=proxy.url,
        MONGODB_ATTEMPT_TIMEOUT="0.3",
        MONGODB_APPEND_DEADLINE="2",
        MONGODB_READ_DEADLINE="3",
    )
    made = factory.application_recorder()
    assert isinstance(made, MongoApplicationRecorder)
    return made


def track(recorder: MongoTrackingRecorder, tracking: Tracking, with_a_view: bool) -> None:
    """Record tracking by itself, or in the transaction of a view that has nothing to write."""
    if with_a_view:
        recorder.record_with(tracking, lambda _: None)
    else:
        recorder.insert_tracking(tracking)


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize(("count", "command"), [(1, b"insert"), (3, b"commitTransaction")])
def test_an_append_whose_answer_is_lost_took_place_once(  # noqa: PLR0917 - fixtures and parameters
    cut_off: MongoApplicationRecorder,
    proxy: CuttingProxy,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    count: int,
    command: bytes,
    times: int | None,
) -> None:
    cut_off.insert_events(new_stream())
    proxy.lose_answers(command, times=times)
    events = new_stream(count)
    positions = cut_off.insert_events(events)
    proxy.heal()
    assert positions == list(range(2, 2 + count))
    assert proxy.lost
    assert cut_off.select_events(events[0].originator_id) == events
    assert stored.count_documents({}) == 1 + count


@pytest.mark.parametrize(("share", "times"), [(0.0, 1), (0.05, None), (1.0, 1)])
@pytest.mark.parametrize(("count", "command"), [(1, b"insert"), (3, b"commitTransaction")])
def test_an_append_with_a_cut_answer_happens_once(  # noqa: PLR0917 - fixtures and parameters
    cut_off: MongoApplicationRecorder,
    proxy: CuttingProxy,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    count: int,
    command: bytes,
    times: int | None,
    share: float,
) -> None:
    """After its first byte, within its header, before its last byte."""
    cut_off.insert_events(new_stream())
    proxy.cut_answers(command, share=share, times=times)
    events = new_stream(count)
    assert cut_off.insert_events(events) == list(range(2, 2 + count))
    proxy.heal()
    assert proxy.lost
    assert cut_off.select_events(events[0].originator_id) == events
    assert stored.count_documents({}) == 1 + count


@pytest.mark.parametrize(
    "how", [{"errorCode": 13}, {"errorCode": 18}, {"errorCode": 8000}], ids=lambda how: str(how["errorCode"])
)
def test_a_refused_driver_retry_leaves_the_first_unknown(
    url_with_faults: str,
    make_factory: Callable[..., MongoFactory],
    new_stream: Callable[..., list[StoredEvent]],
    how: dict[str, int],
) -> None:
    """The driver repeats a write by itself when the connection breaks, and tells only how that ended."""
    with CuttingProxy(url_with_faults) as proxy:
        recorder = make_factory(MONGODB_URL=proxy.url).application_recorder()
        assert isinstance(recorder, MongoApplicationRecorder)
        recorder.insert_events(new_stream())
        proxy.lose_answers(b"insert", times=1)
        events = new_stream(1)
        with failing(url_with_faults, "insert", after=1, **how):
            assert recorder.insert_events(events) == [2]
        assert proxy.lost
        assert recorder.select_events(events[0].originator_id) == events


def test_without_rights_a_lost_answer_is_unknown_at_once(
    url_with_faults: str,
    make_factory: Callable[..., MongoFactory],
    new_stream: Callable[..., list[StoredEvent]],
) -> None:
    with CuttingProxy(url_with_faults) as proxy:
        recorder = make_factory(MONGODB_URL=proxy.url).application_recorder()
        recorder.insert_events(new_stream())
        proxy.lose_answers(b"insert", times=1)
        watch = Stopwatch()
        with (
            failing(url_with_faults, "insert", "update", after=1, errorCode=13),
            pytest.raises(AppendOutcomeUnknownError, match="append_id="),
        ):
            recorder.insert_events(new_stream())
        assert watch.seconds() < 5
        assert recorder.max_notification_id() == 2  # it did take place, which the caller could not tell


@pytest.mark.parametrize("name", [b"insert", b"commitTransaction"])
def test_an_append_that_never_arrived_is_sent_again(
    cut_off: MongoApplicationRecorder,
    proxy: CuttingProxy,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    name: bytes,
) -> None:
    proxy.lose_requests(name, times=3)
    assert cut_off.insert_events(new_stream(2)) == [1, 2]
    assert stored.count_documents({}) == 2


@pytest.mark.parametrize(("count", "command"), [(1, b"insert"), (2, b"commitTransaction")])
def test_what_was_settled_as_not_appended_cannot_land_any_more(  # noqa: PLR0917 - fixtures and parameters
    cut_off: MongoApplicationRecorder,
    proxy: CuttingProxy,
    stored: Documents,
    new_stream: Callable[..., list[StoredEvent]],
    count: int,
    command: bytes,
) -> None:
    """The command is on its way until long after its sender has given up, looked, and told its caller."""
    cut_off.insert_events(new_stream())
    proxy.hold_requests(command)
    # Once resolved it is not sent again, because the end of the log cannot be read.
    proxy.lose_requests(b"find", having=b"sort\0")
    events = new_stream(count)
    with pytest.raises(OperationalError, match="was not appended") as caught:
        cut_off.insert_events(events)
    assert not isinstance(caught.value, AppendOutcomeUnknownError)
    proxy.heal()
    assert proxy.deliver_held()
    assert stored.count_documents({}) == 1
    assert cut_off.select_events(events[0].originator_id) == []


def test_past_the_deadline_the_caller_gets_the_append_id(
    cut_off: MongoApplicationRecorder,
    proxy: CuttingProxy,
    recorder: MongoApplicationRecorder,
    new_stream: Callable[..., list[StoredEvent]],
) -> None:
    """With this id the caller may ask again."""
    events = new_stream(1)
    proxy.lose_answers(b"insert", b"update", b"find")
    cut_off.log._head.position = 0  # so that nothing has to be read before the insert
    watch = Stopwatch()
    with pytest.raises(AppendOutcomeUnknownError, match="append_id=") as caught:
        cut_off.insert_events(events)
    assert watch.seconds() < 3
    proxy.heal()

    # Here it did take place.
    assert recorder.select_events(events[0].originator_id) == events
    assert cut_off.insert_events(events, append_id=caught.value.append_id) == [1]
    with pytest.raises(IntegrityError):
        cut_off.insert_events(events)
    assert len(recorder.select_notifications(None, 10)) == 1


def test_a_repeat_appends_a_lost_unknown_append(
    cut_off: MongoApplicationRecorder, proxy: CuttingProxy, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    """The first call did not take place."""
    events = new_stream(3)
    cut_off.log._head.position = 0
    proxy.lose_requests(b"commitTransaction", b"update")
    with pytest.raises(AppendOutcomeUnknownError) as caught:
        cut_off.insert_events(events)
    proxy.heal()
    assert cut_off.select_events(events[0].originator_id) == []
    assert cut_off.insert_events(events, append_id=caught.value.append_id) == [1, 2, 3]
    assert cut_off.insert_events(events, append_id=caught.value.append_id) == [1, 2, 3]


def test_what_was_never_sent_certainly_did_not_take_place(
    cut_off: MongoApplicationRecorder, proxy: CuttingProxy, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    proxy.lose_requests(b"find")
    with pytest.raises(OperationalError, match="was not appended") as caught:
        cut_off.insert_events(new_stream())
    assert not isinstance(caught.value, AppendOutcomeUnknownError)


def test_a_process_event_is_recorded_once_with_tracking(
    proxy: CuttingProxy,
    make_factory: Callable[..., MongoFactory],
    new_stream: Callable[..., list[StoredEvent]],
) -> None:
    """Although its answer is lost."""
    recorder = make_factory(MONGODB_URL=proxy.url, MONGODB_ATTEMPT_TIMEOUT="0.5").process_recorder()
    proxy.lose_answers(b"commitTransaction", times=4)
    assert recorder.insert_events(new_stream(), tracking=Tracking("upstream", 7)) == [1]
    assert recorder.insert_events([], tracking=Tracking("upstream", 8)) == []
    assert recorder.max_tracking_id("upstream") == 8
    proxy.lose_answers(b"commitTransaction", times=4)
    assert not recorder.insert_events([], tracking=Tracking("upstream", 9))
    assert recorder.max_tracking_id("upstream") == 9


def test_tracking_whose_answer_is_lost_is_recorded_once(
    proxy: CuttingProxy, make_factory: Callable[..., MongoFactory]
) -> None:
    recorder = make_factory(MONGODB_URL=proxy.url).tracking_recorder()
    proxy.lose_answers(b"update", times=2)
    recorder.insert_tracking(Tracking("upstream", 1))
    assert recorder.max_tracking_id("upstream") == 1
    with pytest.raises(IntegrityError):
        recorder.insert_tracking(Tracking("upstream", 1))


@pytest.mark.parametrize("with_a_view", [True, False])
def test_tracking_is_resolved_within_the_append_deadline(
    proxy: CuttingProxy, make_factory: Callable[..., MongoFactory], with_a_view: bool
) -> None:
    """However long the deadline of reads is."""
    make_factory().tracking_recorder().insert_tracking(Tracking("upstream", 1))
    deadlines = {"MONGODB_APPEND_DEADLINE": "1", "MONGODB_READ_DEADLINE": "6"}
    recorder = make_factory(MONGODB_URL=proxy.url, **deadlines).tracking_recorder()
    proxy.lose_requests(b"find")  # so that the recorder cannot tell who has recorded it
    watch = Stopwatch()
    with pytest.raises(OperationalError, match="cannot read the tracking of upstream"):
        track(recorder, Tracking("upstream", 1), with_a_view)
    assert watch.seconds() < 2.5


def test_a_subscription_survives_lost_connections(
    cut_off: MongoApplicationRecorder, proxy: CuttingProxy, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    with cut_off.subscribe() as subscription:
        for number in range(1, 3):
            proxy.lose_answers(b"find", b"getMore", b"aggregate", times=3)
            cut_off.insert_events(new_stream())
            assert next(subscription).id == number


@pytest.mark.parametrize("count", [1, 2])
def test_the_open_transaction_of_a_dead_writer_is_ended(
    recorder: MongoApplicationRecorder,
    factory: MongoFactory,
    mongodb_url: str,
    new_stream: Callable[..., list[StoredEvent]],
    count: int,
) -> None:
    recorder.insert_events(new_stream())
    # A second client of the store's name inserts the next position, and never commits.
    name = factory.datastore.app_name
    with MongoClient[dict[str, Any]](mongodb_url, appname=name) as client, client.start_session() as session:
        session.start_transaction()
        events = client[factory.datastore.settings.database]["stored_events"]
        events.insert_one({"_id": 2, "originator_id": "dead", "originator_version": 1}, session=session)
        watch = Stopwatch()
        assert recorder.insert_events(new_stream(count)) == list(range(2, 2 + count))
        assert watch.seconds() < 8
        with pytest.raises(pymongo.errors.OperationFailure):
            session.commit_transaction()


@pytest.mark.parametrize("with_a_view", [True, False])
@pytest.mark.parametrize("known", ["upstream", "another"])
def test_an_orphaned_tracking_transaction_is_ended(
    factory: MongoFactory, mongodb_url: str, known: str, with_a_view: bool
) -> None:
    """A process began to track and died before its commit."""
    recorder = factory.tracking_recorder()
    recorder.insert_tracking(Tracking(known, 1))
    # A second client of the store's name tracks the next position, and never commits.
    name = factory.datastore.app_name
    with MongoClient[dict[str, Any]](mongodb_url, appname=name) as client, client.start_session() as session:
        session.start_transaction()
        trackings = client[factory.datastore.settings.database]["stored_tracking"]
        trackings.update_one(
            {"_id": "upstream"}, {"$set": {"notification_id": 2}}, upsert=True, session=session
        )
        watch = Stopwatch()
        track(recorder, Tracking("upstream", 2), with_a_view)
        assert watch.seconds() < 8
        assert recorder.max_tracking_id("upstream") == 2
        with pytest.raises(pymongo.errors.OperationFailure):
            session.commit_transaction()
