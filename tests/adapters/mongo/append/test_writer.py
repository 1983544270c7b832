"""Appends of one batch: what becomes of each when the server answers only for some."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from adapters.mongo.append.append import Append, AppendState
from adapters.mongo.append.writer import BatchLimits, BatchWriter
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import AppendOutcomeUnknownError
from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from tests.adapters.mongo.fail_point import failing

New = Callable[..., list[StoredEvent]]


@pytest.fixture
def recorder(make_faulty: Callable[..., MongoFactory], new_stream: New) -> MongoApplicationRecorder:
    """On the server that takes test commands, with one event, so that the end of the log is known."""
    recorder = make_faulty().application_recorder()
    assert isinstance(recorder, MongoApplicationRecorder)
    assert recorder.insert_events(new_stream()) == [1]
    return recorder


def write(recorder: MongoApplicationRecorder, *appends: Sequence[StoredEvent]) -> list[Append]:
    """Write a batch of these appends to the end."""
    batch = [Append(events, uuid4(), Deadline.after(5)) for events in appends]
    write_all(writer_of(recorder), batch)
    return batch


def writer_of(recorder: MongoApplicationRecorder) -> BatchWriter:
    return BatchWriter(recorder.log, BatchLimits(1, 100, 10_000), recorder.datastore.app_name)


def write_all(writer: BatchWriter, batch: list[Append], deadline: Deadline | None = None) -> None:
    deadline = deadline or Deadline.after(5)
    while (left := [append for append in batch if not append.resolved]) and not deadline.passed:
        writer.write(left, admit, deadline)
    writer.end_batch()
    assert all(append.resolved for append in batch)


def admit(appends: Sequence[Append]) -> list[Append]:
    for append in appends:
        append.state = AppendState.SENT
    return list(appends)


@pytest.mark.parametrize("count", [1, 2])
def test_conflicts_leave_the_batch_and_the_others_go_on(
    recorder: MongoApplicationRecorder, new_stream: New, count: int
) -> None:
    taken = new_stream(1)
    recorder.insert_events(taken)
    conflicting = [*taken, *new_stream(count - 1)]
    batch = write(recorder, new_stream(), conflicting, new_stream(count), conflicting, new_stream())
    assert [append.error is None for append in batch] == [True, False, True, False, True]
    assert [batch[index].positions() for index in (0, 2, 4)] == [[3], list(range(4, 4 + count)), [4 + count]]
    with pytest.raises(IntegrityError, match=str(taken[0].originator_id)):
        batch[1].positions()


def test_a_duplicate_request_learns_the_position_of_the_first(
    recorder: MongoApplicationRecorder, new_stream: New
) -> None:
    events = new_stream()
    append_id = uuid4()
    twice = [Append(events, append_id, Deadline.after(5), is_repeat=True) for _ in range(2)]
    write_all(writer_of(recorder), twice)
    assert [append.positions() for append in twice] == [[2], [2]]
    assert recorder.max_notification_id() == 2


def test_appends_before_a_failed_conflict_check_stay_appended(
    url_with_faults: str, recorder: MongoApplicationRecorder, new_stream: New
) -> None:
    taken = new_stream()
    recorder.insert_events(taken)
    with failing(url_with_faults, "find", times=1, errorCode=13):  # Unauthorized
        first, conflict, last = write(recorder, new_stream(), taken, new_stream())
    assert first.positions() == [3]
    for append in (conflict, last):
        with pytest.raises(OperationalError, match="was not appended"):
            append.positions()
    assert recorder.max_notification_id() == 3


class InterruptedAtTheEnd(Append):
    """An append whose caller is interrupted when it has led a batch and is about to note that it was written."""

    __slots__ = ("interrupted",)
    interrupted: bool

    def succeed(self, first_position: int | None) -> None:
        if not self.interrupted:
            self.interrupted = True
            raise KeyboardInterrupt
        super().succeed(first_position)


@pytest.mark.parametrize("can_look", [True, False])
def test_an_interrupted_write_is_found_or_unknown(
    url_with_faults: str, recorder: MongoApplicationRecorder, new_stream: New, can_look: bool
) -> None:
    first = InterruptedAtTheEnd(new_stream(), uuid4(), Deadline.after(5))
    first.interrupted = False
    batch = [first, Append(new_stream(), uuid4(), Deadline.after(5))]
    writer = writer_of(recorder)
    with pytest.raises(KeyboardInterrupt):
        writer.write(batch, admit, Deadline.after(5))
    assert not writer.takes_more
    unauthorized = failing(url_with_faults, "find", times=1, errorCode=13)
    with nullcontext() if can_look else unauthorized:
        write_all(writer, batch)
    if can_look:
        assert [append.positions() for append in batch] == [[2], [3]]
    else:
        for append in batch:
            with pytest.raises(AppendOutcomeUnknownError):
                append.positions()
    assert recorder.max_notification_id() == 3


def test_a_refused_batch_is_narrowed_to_one_append(
    url_with_faults: str, recorder: MongoApplicationRecorder, new_stream: New
) -> None:
    with failing(url_with_faults, "insert", times=2, errorCode=13):  # the batch, then the first by itself
        first, *others = write(recorder, new_stream(), new_stream(), new_stream())
    with pytest.raises(OperationalError, match="was not appended"):
        first.positions()
    assert [append.positions() for append in others] == [[2], [3]]


def test_a_full_cache_is_waited_for_a_little(
    url_with_faults: str, recorder: MongoApplicationRecorder, new_stream: New
) -> None:
    too_large = 388  # TransactionTooLargeForCache
    with failing(url_with_faults, "insert", times=3, errorCode=too_large):
        assert write(recorder, new_stream(2))[0].positions() == [2, 3]
    with failing(url_with_faults, "insert", times=1000, errorCode=too_large):
        append = write(recorder, new_stream(2))[0]
    with pytest.raises(OperationalError, match=r"was not appended.*server's cache: append less at once"):
        append.positions()


@pytest.mark.parametrize("count", [1, 2])
def test_an_append_is_recognised_only_by_its_id(
    recorder: MongoApplicationRecorder, new_stream: New, count: int
) -> None:
    events, append_id = new_stream(count), uuid4()
    assert recorder.insert_events(events, append_id=append_id) == list(range(2, 2 + count))
    assert recorder.insert_events(events, append_id=append_id) == list(range(2, 2 + count))
    for other in (None, uuid4()):
        with pytest.raises(IntegrityError):
            recorder.insert_events(events, append_id=other)
    assert recorder.max_notification_id() == 1 + count
