"""Values made without the library's constructors are those that the constructors make."""

import copy
import pickle
from dataclasses import FrozenInstanceError, fields
from uuid import uuid4

import pytest
from eventsourcing.persistence import Notification, StoredEvent

from adapters.mongo.encoding.stored_events import notification, stored_event

STREAM = uuid4()
PAIRS = [
    (stored_event(STREAM, 2, "topic", b"state"), StoredEvent(STREAM, 2, "topic", b"state")),
    (notification(7, STREAM, 2, "topic", b"state"), Notification(STREAM, 2, "topic", b"state", 7)),
]


@pytest.mark.parametrize(("made", "constructed"), PAIRS)
def test_they_are_equal_in_every_respect(made: StoredEvent, constructed: StoredEvent) -> None:
    assert type(made) is type(constructed)
    assert made == constructed
    assert hash(made) == hash(constructed)
    assert repr(made) == repr(constructed)
    assert vars(made).keys() == {field.name for field in fields(constructed)}
    assert pickle.loads(pickle.dumps(made)) == constructed  # noqa: S301 - our own
    assert copy.deepcopy(made) == constructed
    with pytest.raises(FrozenInstanceError):
        made.topic = "another"  # type: ignore[misc] # what must not be possible
