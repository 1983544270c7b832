"""The domain events that the fault suite appends, and what names them in a history."""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from eventsourcing.domain import DomainEvent
from eventsourcing.utils import get_topic

from tests.faults.history import Place, Token


@dataclass(frozen=True)
class Even(DomainEvent):
    """Says which event it is."""

    token: str


@dataclass(frozen=True)
class Odd(DomainEvent):
    """The same under another topic, so that followers of one topic have something to leave out."""

    token: str


def topic_of(call: str) -> str:
    """The topic of the events of a call."""
    return get_topic(_class_of(call))


def event_at(place: Place, token: Token) -> Even | Odd:
    """The event of this token, for this version of a stream."""
    return _class_of(token.call)(
        originator_id=UUID(place.stream),
        originator_version=place.version,
        timestamp=datetime.now(tz=UTC),
        token=str(token),
    )


def _class_of(call: str) -> type[Even | Odd]:
    return (Even, Odd)[zlib.crc32(call.encode()) % 2]
