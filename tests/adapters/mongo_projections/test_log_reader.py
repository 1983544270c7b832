"""The log as the projectors read it: pages after a checkpoint, and only of the log that the checkpoint is of."""

from collections.abc import Iterator, Sequence

import pytest
from eventsourcing.persistence import Notification
from msgspec import structs

from adapters.mongo_projections.log_reader import RecorderLogReader
from ledger import TOPICS
from projections import Checkpoint, LogDiverged, SourceUnavailable
from tests.adapters.mongo_projections.projection_fixtures import sync_client
from tests.ledger.plates import analyzed
from tests.projections.logs import MealLog, meal_log

EVENTS = "meal_ledger_events"
START = Checkpoint(generation="g")


@pytest.fixture
def log(mongodb_url: str, mongodb_database: str) -> Iterator[MealLog]:
    with meal_log(mongodb_url, mongodb_database) as log:
        yield log


def after(log: MealLog, limit: int) -> Checkpoint:
    page = log.read(START, limit, TOPICS)
    assert page is not None
    return structs.replace(START, position=page.last, last_event=page.last_event)


def test_pages_follow_each_other_to_the_head(log: MealLog) -> None:
    assert (log.head(), log.read(START, 10, TOPICS)) == (0, None)
    head = log.save(analyzed(), analyzed())

    first = after(log, 3)
    second = log.read(first, 3, TOPICS)

    assert (head, log.head(), first.position) == (4, 4, 3)
    assert second is not None
    assert [event.position for event in second.events] == [4]
    assert log.read(after(log, 4), 3, TOPICS) is None


def test_a_log_that_was_replaced_is_recognised(log: MealLog, mongodb_url: str, mongodb_database: str) -> None:
    log.save(analyzed())
    checkpoint = after(log, 1)
    with sync_client(mongodb_url) as client:
        client[mongodb_database][EVENTS].delete_many({})
    with meal_log(mongodb_url, mongodb_database) as replaced:
        replaced.save(analyzed())

        with pytest.raises(LogDiverged, match="another event at position 1"):
            replaced.read(checkpoint, 3, TOPICS)


class LaggingRecorder:
    """The recorder behind a member that has just become primary: its first reads lack the newest events."""

    def __init__(self, log: MealLog, reads: int) -> None:
        self._recorder = log._recorder
        self.lagging_reads = reads

    def select_notifications(self, start: int | None, limit: int) -> Sequence[Notification]:
        if self.lagging_reads:
            self.lagging_reads -= 1
            return []
        return self._recorder.select_notifications(start, limit)

    def max_notification_id(self) -> int | None:
        return self._recorder.max_notification_id()

    def wait_for_position(self, beyond: int, timeout: float) -> object:
        return self._recorder.wait_for_position(beyond, timeout)


def test_a_lagging_primary_is_not_taken_for_a_shorter_log(log: MealLog) -> None:
    log.save(analyzed())
    checkpoint = after(log, 1)
    recorder = LaggingRecorder(log, reads=2)

    page = RecorderLogReader(recorder, log._mapper, confirm_seconds=60).read(checkpoint, 3, TOPICS)

    assert page is not None
    assert (page.last, recorder.lagging_reads) == (2, 0)


def test_a_head_that_cannot_be_read_gives_the_stores_reason(log: MealLog) -> None:
    log.save(analyzed())
    log.ledger.close()

    with pytest.raises(SourceUnavailable):
        log.head()
