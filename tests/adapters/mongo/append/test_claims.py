"""A writer that is slower than the other processes gets its appends into the log all the same."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from time import sleep
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from adapters.mongo.append import claim
from adapters.mongo.append.append import Append
from adapters.mongo.append.claim import Claims
from adapters.mongo.append.insert import WriteResult
from adapters.mongo.append.writer import BatchLimits, BatchWriter
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from tests.adapters.mongo.append.test_writer import write_all

New = Callable[..., list[StoredEvent]]
Make = Callable[..., MongoFactory]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that claims a place after its first loss."""
    monkeypatch.setattr(claim, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(claim, "_LEAST_PATIENCE_SECONDS", 0.0)


def heads(*positions: int) -> Callable[[], int]:
    """A log whose end is found at these positions, and stays at the last one."""
    left = list(positions)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_a_writer_that_loses_now_and_then_never_claims() -> None:
    claims = Claims(heads(0))
    for position in range(1, 100):
        assert claims.place(position) == position
        claims.lost()
        assert not claims.is_due
        claims.won()


def test_a_claim_is_further_ahead_the_faster_the_log_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    def ahead(growth: int) -> int:
        claims, position = Claims(heads(0)), 1
        for seconds in (0.0, 0.1, 0.2, 0.3, 0.4, 1.0):
            monkeypatch.setattr(claim, "monotonic", lambda seconds=seconds: seconds)
            position += growth
            place = claims.place(position)
            claims.lost()
        return place - position

    assert 1 <= ahead(1) < ahead(10) < ahead(100)


@pytest.mark.usefixtures("impatient")
def test_a_claim_waits_until_the_log_has_grown_up_to_it() -> None:
    claims = Claims(heads(10, 11))
    claims.place(10)
    claims.lost()
    assert claims.place(10) == 12
    assert claims.wait() == 11
    claims.won()
    assert not claims.is_due


@pytest.mark.usefixtures("impatient")
def test_a_claim_ahead_of_a_log_that_stops_is_given_up() -> None:
    claims = Claims(heads(10))
    claims.place(10)
    claims.lost()
    assert claims.place(11) > 11
    assert claims.wait() == 10
    claims.lost()
    assert claims.place(11) == 11


class SlowProcess:
    """A writer between whose look at the end of the log and whose insert another process appends many times."""

    def __init__(self, recorder: MongoApplicationRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log = recorder.log
        for name in ("insert", "insert_ahead"):
            monkeypatch.setattr(self.log, name, self._slowly(getattr(self.log, name)))
        self.writer = BatchWriter(self.log, BatchLimits(10, 100, 10_000), recorder.datastore.app_name)

    @staticmethod
    def _slowly(insert: Callable[..., WriteResult]) -> Callable[..., WriteResult]:
        def insert_late(*arguments: object) -> WriteResult:
            sleep(0.05)
            return insert(*arguments)

        return insert_late

    def append(self, *appends: Sequence[StoredEvent]) -> list[Append]:
        batch = [Append(events, uuid4(), Deadline.after(30)) for events in appends]
        write_all(self.writer, batch, Deadline.after(30))
        return batch


@contextmanager
def appending(recorder: MongoApplicationRecorder, new_stream: New, count: int = 1) -> Iterator[None]:
    """Append `count` events again and again from another process, as it were, as long as the block lasts."""
    stop = Event()

    def append() -> None:
        while not stop.is_set():
            recorder.insert_events(new_stream(count))

    thread = Thread(target=append)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("count", [1, 3])
def test_a_slow_process_gets_through_beside_a_quick_one(
    make_factory: Make, new_stream: New, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    quick, slow = (make_factory().application_recorder() for _ in range(2))
    assert isinstance(slow, MongoApplicationRecorder)
    assert isinstance(quick, MongoApplicationRecorder)
    process = SlowProcess(slow, monkeypatch)
    with appending(quick, new_stream, count):
        done = [append for _ in range(3) for append in process.append(new_stream(count), new_stream())]
    log = quick.select_notifications(None, 1_000_000)
    assert [found.id for found in log] == list(range(1, len(log) + 1))
    ours = [position for append in done for position in append.positions() or ()]
    assert len(set(ours)) == 3 * (count + 1)


@pytest.mark.usefixtures("impatient")
def test_a_claim_finds_a_version_that_is_taken(
    make_factory: Make, new_stream: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of its batch are appended."""
    quick, slow = (make_factory().application_recorder() for _ in range(2))
    assert isinstance(slow, MongoApplicationRecorder)
    assert isinstance(quick, MongoApplicationRecorder)
    taken = new_stream()
    quick.insert_events(taken)
    process = SlowProcess(slow, monkeypatch)
    with appending(quick, new_stream):
        conflicting, other = process.append(taken, new_stream())
    with pytest.raises(IntegrityError):
        conflicting.positions()
    assert other.positions()


def test_a_claim_of_a_place_that_is_taken_is_lost(make_factory: Make, new_stream: New) -> None:
    recorder = make_factory().application_recorder()
    assert isinstance(recorder, MongoApplicationRecorder)
    recorder.insert_events(new_stream(3))
    append = Append(new_stream(), uuid4(), Deadline.after(5))
    with recorder.log.client.start_session(causal_consistency=True) as session:
        result = recorder.log.insert_ahead([append], 2, session, lambda: 1)
    assert (result.written, result.in_doubt) == (0, False)
    assert recorder.max_notification_id() == 3
