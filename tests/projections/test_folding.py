"""A bad event parks its key: later events of that key queue, every other key goes on."""

from collections.abc import Sequence
from datetime import date

import pytest
from msgspec import structs

from ledger import Meal, MealConfirmed, MealEvent, MealUpdated
from projections import (
    DAILY_SUMMARIES,
    MEALS,
    Blocked,
    Changes,
    Document,
    Projection,
    RecordedEvent,
    describe,
    fold,
    route,
)
from projections.daily_summaries import day_key
from tests.ledger.plates import ALICE, NOON, analyzed, timing
from tests.projections.specs import events_of, recorded

TODAY = date(2025, 11, 13)


class SecretInTheText(Exception):
    pass


def failing_on(projection: Projection, kind: type[MealEvent], *, in_keys: bool = False) -> Projection:
    """The projection with a defect: it cannot stand events of that class."""

    def keys(event: MealEvent) -> tuple[str, ...]:
        if in_keys and isinstance(event, kind):
            raise SecretInTheText("alice ate chicken")
        return projection.keys(event)

    def evolve(key: str, document: Document | None, event: MealEvent) -> Document | None:
        if isinstance(event, kind):
            raise SecretInTheText("alice ate chicken")
        return projection.evolve(key, document, event)

    return Projection(
        name=projection.name,
        version=projection.version,
        topics=projection.topics,
        indexes=projection.indexes,
        keys=keys,
        evolve=evolve,
    )


def folded(
    projection: Projection, events: Sequence[RecordedEvent], blocked: Blocked | None = None
) -> Changes:
    wanted = [event for event in events if event.topic in projection.topics]
    return fold(projection, route(projection, wanted), {}, blocked or Blocked())


def confirmed_and_deleted() -> Meal:
    meal = analyzed()
    meal.confirm([meal.entries[0].id], actor=ALICE)
    meal.delete(actor=ALICE)
    return meal


def test_later_events_queue_behind_a_parked_event_of_their_key() -> None:
    bad, good = confirmed_and_deleted(), analyzed()
    log = recorded([*events_of(bad), *events_of(good)])

    changes = folded(failing_on(MEALS, MealConfirmed), log)

    assert [(parked.position, parked.key, parked.error is None) for parked in changes.parked] == [
        (3, str(bad.id), False),
        (4, str(bad.id), True),
    ]
    document = changes.documents[str(bad.id)]
    assert document is not None
    assert document["status"] == "ANALYZED"
    assert str(good.id) in changes.documents


def test_a_key_that_was_parked_before_stays_parked() -> None:
    meal, other = analyzed(), analyzed()
    log = recorded([*events_of(meal), *events_of(other)], start=11)

    changes = folded(MEALS, log, Blocked(keys=frozenset({str(meal.id)})))

    assert [(parked.position, parked.key, parked.error) for parked in changes.parked] == [
        (11, str(meal.id), None),
        (12, str(meal.id), None),
    ]
    assert changes.documents.keys() == {str(other.id)}


def test_a_meal_that_moves_waits_on_its_parked_day_only() -> None:
    meal = analyzed()
    meal.update(timing=timing(NOON.replace(day=12)), notes=None, amounts={}, actor=ALICE)
    today, yesterday = day_key("alice", TODAY), day_key("alice", date(2025, 11, 12))

    changes = folded(DAILY_SUMMARIES, recorded(events_of(meal)), Blocked(keys=frozenset({today})))

    assert [(parked.position, parked.key) for parked in changes.parked] == [(2, today), (3, today)]
    assert changes.documents.keys() == {yesterday}


@pytest.mark.parametrize("unreadable", [True, False])
def test_an_event_whose_keys_are_not_known_parks_its_stream(unreadable: bool) -> None:
    bad, good = confirmed_and_deleted(), analyzed()
    log = recorded([*events_of(bad), *events_of(good)])
    projection = failing_on(DAILY_SUMMARIES, MealConfirmed, in_keys=True)
    if unreadable:
        log[2] = structs.replace(log[2], event=None, error="it cannot be read")
        projection = DAILY_SUMMARIES

    changes = folded(projection, log)

    assert [(parked.position, parked.key, parked.error is None) for parked in changes.parked] == [
        (3, None, False),
        (4, None, True),
    ]
    day = changes.documents[day_key("alice", TODAY)]
    assert day is not None
    assert day["pending_count"] == 2


def test_a_stream_that_was_parked_before_stays_parked() -> None:
    meal, other = analyzed(), analyzed()
    log = recorded([*events_of(meal), *events_of(other)])

    changes = folded(DAILY_SUMMARIES, log, Blocked(streams=frozenset({str(meal.id)})))

    assert [(parked.stream_id, parked.key, parked.error) for parked in changes.parked] == [
        (str(meal.id), None, None)
    ]
    day = changes.documents[day_key("alice", TODAY)]
    assert day is not None
    assert day["contributions"].keys() == {str(other.id)}


def test_the_error_of_a_parked_event_holds_no_personal_data() -> None:
    [parked, _] = folded(
        failing_on(MEALS, MealConfirmed), recorded(events_of(confirmed_and_deleted()))
    ).parked

    assert parked.error is not None
    assert parked.error.startswith("SecretInTheText in ")
    assert "evolve, line" in parked.error
    assert "chicken" not in parked.error


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert describe(ValueError("secret")) == "ValueError in unknown place"


def test_every_event_of_a_log_can_be_parked() -> None:
    meal = analyzed()
    meal.update(timing=meal.timing, notes="a secret", amounts={}, actor=ALICE)

    changes = folded(failing_on(MEALS, MealUpdated), recorded(events_of(meal)))

    assert [parked.topic for parked in changes.parked] == ["MealUpdated"]
