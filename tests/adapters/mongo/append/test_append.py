"""An append on its way into the store: what is known of a repeat of an earlier call."""

from uuid import uuid4

from eventsourcing.persistence import DataError, IntegrityError, OperationalError, StoredEvent

from adapters.mongo.append.append import Append
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import AppendOutcomeUnknownError


def append(*, is_repeat: bool) -> Append:
    event = StoredEvent(uuid4(), 1, "topic", b"state")
    return Append([event], uuid4(), Deadline.after(5), is_repeat=is_repeat)


def test_an_unsent_first_call_did_not_take_place() -> None:
    error = OperationalError("nobody was there")
    assert append(is_repeat=False).failure(error) is error


def test_a_failed_repeat_leaves_the_first_call_unknown() -> None:
    repeat = append(is_repeat=True)
    repeat.fail(OperationalError("nobody was there"))
    assert isinstance(repeat.error, AppendOutcomeUnknownError)
    assert repeat.error.append_id == repeat.append_id
    assert "nobody was there" in str(repeat.error)


def test_a_conflict_or_bad_data_ends_a_repeat() -> None:
    """The version is another append's, or the event cannot be stored; a late answer stays unknown."""
    repeat = append(is_repeat=True)
    for error in (
        IntegrityError("taken"),
        DataError("too large"),
        AppendOutcomeUnknownError(uuid4(), "late"),
    ):
        assert repeat.failure(error) is error
