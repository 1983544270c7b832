"""Recorders with clients of their own, as in several processes, which share nothing but the log."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from adapters.mongo.event_store import MongoFactory


def test_appends_of_several_processes_are_all_in_the_log_once(
    make_factory: Callable[..., MongoFactory], new_stream: Callable[..., list[StoredEvent]]
) -> None:
    recorders = [make_factory().application_recorder() for _ in range(4)]

    def write(number: int) -> list[tuple[int, UUID | str]]:
        appended = []
        for _ in range(20):
            events = new_stream()
            positions = recorders[number % 4].insert_events(events)
            assert positions
            appended.append((positions[0], events[0].originator_id))
        return appended

    with ThreadPoolExecutor(8) as pool:
        written = [position for each in pool.map(write, range(8)) for position in each]
    log = recorders[0].select_notifications(None, 1000)
    assert [found.id for found in log] == list(range(1, 161))
    assert sorted(written) == [(found.id, found.originator_id) for found in log]
