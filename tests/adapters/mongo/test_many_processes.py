"""Recorders with clients of their own, as in several processes: what waits in them goes out together."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from pymongo import MongoClient

from adapters.mongo.deadline import Deadline
from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from adapters.mongo.local_turns import LocalTurns
from tests.adapters.mongo.fail_point import failing

New = Callable[..., list[StoredEvent]]


@pytest.fixture
def recorders(make_faulty: Callable[..., MongoFactory]) -> list[MongoApplicationRecorder]:
    made = []
    for _ in range(4):
        recorder = make_faulty().application_recorder()
        assert isinstance(recorder, MongoApplicationRecorder)
        made.append(recorder)
    return made


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def inserts(url: str) -> int:
    """Insert commands that the server has been sent so far."""
    with MongoClient[dict[str, Any]](url) as client:
        return int(client.admin.command("serverStatus")["metrics"]["commands"]["insert"]["total"])


def tickets(recorder: MongoApplicationRecorder) -> int:
    turns = recorder.log.turns
    assert isinstance(turns, LocalTurns)
    return turns.board.following


class Held:
    """A first recorder's append that the server holds back while the appends of others come in behind it."""

    def __init__(
        self, url: str, recorders: list[MongoApplicationRecorder], pool: ThreadPoolExecutor, new_stream: New
    ) -> None:
        self._url, self._recorders, self._pool, self._new_stream = url, recorders, pool, new_stream
        self._before = tickets(recorders[0])

    def then(self, *appends: list[StoredEvent]) -> list[Future[Any]]:
        """The calls of the other recorders, each with one of the appends; all have ended."""
        first, *others = self._recorders
        blocked = {"blockConnection": True, "blockTimeMS": 200}
        with failing(self._url, "insert", times=1, **blocked):
            calls = [self._pool.submit(first.insert_events, self._new_stream())]
            self._await_tickets(1)
            for recorder, append in zip(others, appends, strict=False):
                calls.append(self._pool.submit(recorder.insert_events, append))
                self._await_tickets(len(calls))
            for call in calls:
                call.exception(10)
        return calls[1:]

    def _await_tickets(self, count: int) -> None:
        deadline, pause = Deadline.after(5), threading.Event()
        while tickets(self._recorders[0]) < self._before + count and not deadline.passed:
            pause.wait(0.0005)  # a look from time to time, bounded by the deadline


@pytest.fixture
def held(
    url_with_faults: str,
    recorders: list[MongoApplicationRecorder],
    pool: ThreadPoolExecutor,
    new_stream: New,
) -> Held:
    for recorder in recorders:
        recorder.insert_events(new_stream())  # so that nothing has to be read any more
    return Held(url_with_faults, recorders, pool, new_stream)


def test_what_waits_in_several_of_them_goes_out_in_one_command(
    url_with_faults: str, recorders: list[MongoApplicationRecorder], held: Held, new_stream: New
) -> None:
    before = inserts(url_with_faults)
    appends = [new_stream() for _ in range(3)]
    calls = held.then(*appends)
    assert sorted(call.result() for call in calls) == [[6], [7], [8]]
    assert inserts(url_with_faults) == before + 2
    for recorder, append in zip(recorders[1:], appends, strict=True):
        assert recorder.select_events(append[0].originator_id) == append  # each reads what it has appended


def test_two_of_them_that_want_one_version_get_it_once(
    recorders: list[MongoApplicationRecorder], held: Held, new_stream: New
) -> None:
    wanted, other = new_stream(), new_stream()
    rival = [StoredEvent(wanted[0].originator_id, 1, "rival", b"")]
    calls = held.then(wanted, rival, other)
    outcomes = [call.exception() for call in calls]
    assert sorted(isinstance(outcome, IntegrityError) for outcome in outcomes) == [False, False, True]
    assert len(recorders[0].select_events(wanted[0].originator_id)) == 1


def test_what_needs_a_transaction_waits_for_its_own_turn(
    recorders: list[MongoApplicationRecorder], held: Held, new_stream: New
) -> None:
    calls = held.then(new_stream(3), new_stream(), new_stream(2))
    positions = [call.result() for call in calls]
    assert sorted(position for each in positions for position in each) == list(range(6, 12))
    assert all(each == list(range(each[0], each[0] + len(each))) for each in positions)


@pytest.mark.parametrize("landed", [True, False])
def test_one_that_dies_with_anothers_append_loses_and_doubles_nothing(
    recorders: list[MongoApplicationRecorder], pool: ThreadPoolExecutor, new_stream: New, landed: bool
) -> None:
    """It has taken the append along, and may or may not have written it, but never answers."""
    survivor, dying = recorders[:2]
    survivor.insert_events(new_stream())
    turn = dying.log.turns.take()
    events = new_stream()
    call = pool.submit(survivor.insert_events, events)
    guests, deadline = turn.guests(100, 10_000), Deadline.after(5)
    while not guests and not deadline.passed:
        guests = turn.guests(100, 10_000)
    [guest] = guests
    if landed:
        dying.log.events.insert_many(dying.log.documents(guest.bodies, 2))
    assert call.result(10) == [2]
    assert survivor.select_events(events[0].originator_id) == events
    assert survivor.max_notification_id() == 2


def test_without_turns_they_get_in_each_others_way_and_lose_nothing(
    make_factory: Callable[..., MongoFactory], pool: ThreadPoolExecutor, new_stream: New
) -> None:
    """As on several machines."""
    recorders = [make_factory(MONGODB_TAKE_TURNS="no").application_recorder() for _ in range(4)]

    def write(number: int) -> list[tuple[int, UUID | str]]:
        appended = []
        for _ in range(20):
            events = new_stream()
            positions = recorders[number % 4].insert_events(events)
            assert positions
            appended.append((positions[0], events[0].originator_id))
        return appended

    written = [
        each for call in [pool.submit(write, number) for number in range(8)] for each in call.result(60)
    ]
    log = recorders[0].select_notifications(None, 1000)
    assert [found.id for found in log] == list(range(1, 161))
    assert sorted(written) == [(found.id, found.originator_id) for found in log]
