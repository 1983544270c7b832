"""Projections told as stories: given these events, when that one comes, then these are the documents."""

import copy
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

import bson
from eventsourcing.utils import get_topic

from ledger import Meal, MealEvent
from projections import Blocked, Document, Projection, RecordedEvent, fold, route


def recorded(events: Iterable[MealEvent], start: int = 1) -> list[RecordedEvent]:
    """The events as a log holds them, from that position on."""
    return [
        RecordedEvent(
            position=position, stream_id=str(event.originator_id), topic=get_topic(type(event)), event=event
        )
        for position, event in zip(count(start), events, strict=False)
    ]


def events_of(meal: Meal) -> list[MealEvent]:
    """The events that the meal has not handed out yet."""
    return list(meal.collect_events())  # type: ignore[arg-type] # a meal triggers no others


def of_no_known_class(event: MealEvent) -> MealEvent:
    """The same facts in an event that no projection has a rule for."""
    other = object.__new__(MealEvent)
    vars(other).update(vars(event))
    return other


def applied(
    projection: Projection, events: Sequence[MealEvent], given: dict[str, Document] | None = None
) -> dict[str, Document]:
    """The documents after one batch, none of whose events may be parked. What was given must not change."""
    wanted = [event for event in recorded(events) if event.topic in projection.topics]
    before = given or {}
    untouched = copy.deepcopy(before)
    changes = fold(projection, route(projection, wanted), before, Blocked())
    assert before == untouched
    assert changes.parked == ()
    after = {**before, **changes.documents}
    return {key: document for key, document in after.items() if document is not None}


def stored(documents: dict[str, Any]) -> dict[str, bytes]:
    """The documents as the bytes that a database keeps."""
    return {key: bson.encode(document) for key, document in documents.items()}
