"""The log: gapless, in commit order, each event seen once; appends atomic, conflicts exact."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent

from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory

_WRITER = """
import sys
from uuid import uuid4
from eventsourcing.persistence import StoredEvent
from adapters.mongo.event_store import MongoFactory

url, database, appends = sys.argv[1], sys.argv[2], int(sys.argv[3])
factory = MongoFactory({"MONGODB_URL": url, "MONGODB_DATABASE": database})
recorder = factory.application_recorder()
for number in range(appends):
    stream = uuid4()
    recorder.insert_events([StoredEvent(stream, version, "topic", b"state") for version in range(1, 2 + number % 3)])
factory.close()
"""


def follow(recorder: MongoApplicationRecorder, count: int, seen: list[Notification]) -> Thread:
    """A thread that follows the log from its beginning until it has seen `count` events."""

    def run() -> None:
        with recorder.subscribe(gt=None) as subscription:
            for notification in subscription:
                seen.append(notification)
                if len(seen) == count:
                    break

    thread = Thread(target=run)
    thread.start()
    return thread


def assert_whole(seen: Sequence[Notification], count: int) -> None:
    assert [notification.id for notification in seen] == list(range(1, count + 1))
    versions: dict[object, list[int]] = {}
    for notification in seen:
        versions.setdefault(notification.originator_id, []).append(notification.originator_version)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


def test_a_reader_follows_eight_threads_in_order(
    recorder: MongoApplicationRecorder, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    """It sees every position once."""
    seen: list[Notification] = []
    appends, total = 60, 8 * (20 * 1 + 20 * 2 + 20 * 3)
    reader = follow(recorder, total, seen)

    def write(_: int) -> list[list[int]]:
        return [list(recorder.insert_events(new_stream(1 + n % 3)) or []) for n in range(appends)]

    with ThreadPoolExecutor(8) as writers:
        answered = [positions for answers in writers.map(write, range(8)) for positions in answers]
    reader.join(30)

    assert_whole(seen, total)
    assert sorted(position for positions in answered for position in positions) == list(range(1, total + 1))
    assert all(b == a + 1 for positions in answered for a, b in pairwise(positions))


def test_a_reader_follows_eight_processes_in_order(
    recorder: MongoApplicationRecorder, mongodb_url: str, mongodb_database: str
) -> None:
    """It sees every position once."""
    seen: list[Notification] = []
    appends, total = 30, 8 * (10 * 1 + 10 * 2 + 10 * 3)
    reader = follow(recorder, total, seen)
    command = [sys.executable, "-c", _WRITER, mongodb_url, mongodb_database, str(appends)]
    writers = [subprocess.Popen(command) for _ in range(8)]
    codes = [writer.wait(60) for writer in writers]
    reader.join(30)

    assert codes == [0] * 8
    assert_whole(seen, total)
    # Events of one append are neighbours.
    runs = [len(list(run)) for _, run in groupby(seen, key=lambda notification: notification.originator_id)]
    assert Counter(runs) == {1: 80, 2: 80, 3: 80}


def test_of_many_writers_on_one_version_exactly_one_wins(
    make_factory: Callable[..., MongoFactory], new_stream: Callable[..., list[StoredEvent]]
) -> None:
    """Half of them in one process's group, the others each in a group of its own, as other processes would be."""
    shared = make_factory().application_recorder()
    recorders = [shared] * 4 + [make_factory().application_recorder() for _ in range(4)]
    streams = [uuid4() for _ in range(20)]
    barrier = Barrier(8)

    def write(recorder: MongoApplicationRecorder) -> list[bool]:
        won = []
        for stream in streams:
            barrier.wait(30)
            try:
                recorder.insert_events(new_stream(stream=stream))
            except IntegrityError:
                won.append(False)
            else:
                won.append(True)
        return won

    with ThreadPoolExecutor(8) as writers:
        outcomes = list(writers.map(write, recorders))
    assert [sum(outcome) for outcome in zip(*outcomes, strict=True)] == [1] * len(streams)
    assert_whole(shared.select_notifications(1, 100), len(streams))


def test_conflicts_fail_nobody_else_and_leave_nothing_behind(
    recorder: MongoApplicationRecorder, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    taken = uuid4()
    recorder.insert_events(new_stream(3, stream=taken))
    appends = []
    for number in range(120):
        if number % 3 == 0:
            # Two events that would fit, and in their midst one whose version is taken.
            appends.append([*new_stream(), *new_stream(1, stream=taken, first=2), *new_stream()])
        else:
            appends.append(new_stream(number % 3))

    def write(events: list[StoredEvent]) -> Sequence[int] | None:
        try:
            return recorder.insert_events(events)
        except IntegrityError:
            return None

    with ThreadPoolExecutor(16) as writers:
        answers = list(writers.map(write, appends))

    assert [answer is None for answer in answers] == [number % 3 == 0 for number in range(120)]
    for events, answer in zip(appends, answers, strict=True):
        fresh = [event for event in events if event.originator_id != taken]
        found = [len(recorder.select_events(event.originator_id)) for event in fresh]
        assert found == [0 if answer is None else len(events)] * len(fresh)
    assert_whole(recorder.select_notifications(1, 1000), 3 + 40 * 1 + 40 * 2)


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_of_two_in_one_batch_wins(
    recorder: MongoApplicationRecorder, new_stream: Callable[..., list[StoredEvent]], count: int
) -> None:
    for _ in range(10):
        events = new_stream(count)

        def write(_: int, events: list[StoredEvent] = events) -> bool:
            try:
                recorder.insert_events(events)
            except IntegrityError:
                return False
            return True

        with ThreadPoolExecutor(8) as writers:
            assert sum(writers.map(write, range(8))) == 1
        assert len(recorder.select_events(events[0].originator_id)) == count


def test_positions_continue_after_those_of_another_process(
    make_factory: Callable[..., MongoFactory], new_stream: Callable[..., list[StoredEvent]]
) -> None:
    one, other = make_factory().application_recorder(), make_factory().application_recorder()
    assert one.insert_events(new_stream()) == [1]
    assert other.insert_events(new_stream(2)) == [2, 3]
    assert one.insert_events(new_stream(2)) == [4, 5]
    assert one.insert_events(new_stream()) == [6]
    assert other.insert_events(new_stream()) == [7]


def test_an_append_of_thousands_of_events_is_one(
    recorder: MongoApplicationRecorder, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    events = new_stream(3000)
    assert recorder.insert_events(events) == list(range(1, 3001))
    assert recorder.select_events(events[0].originator_id) == events


def test_streams_may_have_any_text_for_a_name(recorder: MongoApplicationRecorder) -> None:
    names = ["a", "", "käse", "a\0b", "$set", "0" * 2000]
    for number, name in enumerate(names, 1):
        event = StoredEvent(name, 1, "topic", b"state")
        assert recorder.insert_events([event]) == [number]
        assert recorder.select_events(name) == [event]
        with pytest.raises(IntegrityError):
            recorder.insert_events([event])
    assert [n.originator_id for n in recorder.select_notifications(None, 10)] == names
