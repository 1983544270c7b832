"""The read model of single meals."""

from datetime import UTC, date, datetime

import pytest

from ledger import (
    ErrorCode,
    MealStatus,
    MealType,
    NoFoodRecognized,
    Timing,
    total,
)
from projections import MEALS, UnexpectedEvent
from projections.meals import decode_meal, encode_meal, evolve
from tests.ledger.plates import ALICE, CHICKEN, analyzed, awaiting, found_for, requested, timing
from tests.projections.specs import applied, events_of, of_no_known_class


def test_a_requested_meal_is_being_analysed() -> None:
    meal = requested()

    documents = applied(MEALS, events_of(meal))

    assert decode_meal(str(meal.id), documents[str(meal.id)]) == meal.snapshot()
    assert documents[str(meal.id)]["status"] == "ANALYZING"


def test_a_document_holds_instants_natively_and_local_dates_as_text() -> None:
    eaten_at = datetime(2025, 11, 14, 1, 0, tzinfo=UTC)
    meal = requested(when=timing(eaten_at, "America/Los_Angeles"))

    [document] = applied(MEALS, events_of(meal)).values()

    assert document["eaten_at"] == eaten_at
    assert document["local_date"] == "2025-11-13"
    assert "id" not in document


def test_each_event_brings_the_document_to_the_meals_state() -> None:
    meal = analyzed()
    first, second = (entry.id for entry in meal.entries)
    documents = applied(MEALS, events_of(meal))
    assert decode_meal(str(meal.id), documents[str(meal.id)]) == meal.snapshot()

    meal.update(
        timing=Timing(
            meal_type=MealType.DINNER,
            eaten_at=datetime(2025, 11, 12, 20, 0, tzinfo=UTC),
            time_zone="Asia/Kathmandu",
            local_date=date(2025, 11, 13),
        ),
        notes="with mother",
        amounts={first: 75.5},
        actor=ALICE,
    )
    documents = applied(MEALS, events_of(meal), documents)
    assert decode_meal(str(meal.id), documents[str(meal.id)]) == meal.snapshot()

    meal.confirm([second], actor=ALICE)
    documents = applied(MEALS, events_of(meal), documents)
    assert decode_meal(str(meal.id), documents[str(meal.id)]) == meal.snapshot()
    assert [entry["id"] for entry in documents[str(meal.id)]["entries"]] == [second]


def test_nutrients_found_later_are_in_the_document() -> None:
    meal = awaiting()
    documents = applied(MEALS, events_of(meal))
    assert not documents[str(meal.id)]["totals"]["complete"]

    meal.complete_nutrients([found_for(meal.entries[1], CHICKEN)], actor=ALICE)
    documents = applied(MEALS, events_of(meal), documents)

    assert decode_meal(str(meal.id), documents[str(meal.id)]) == meal.snapshot()
    assert documents[str(meal.id)]["totals"]["complete"]
    assert [warning["code"] for warning in documents[str(meal.id)]["warnings"]] == ["AMOUNT_UNCERTAIN"]


def test_a_failed_meal_says_why() -> None:
    meal = requested()
    meal.fail(NoFoodRecognized("No food was recognised in the photo."), actor=ALICE)

    [document] = applied(MEALS, events_of(meal)).values()

    assert document["status"] == "FAILED"
    assert document["failure_code"] == ErrorCode.NO_FOOD_RECOGNIZED
    assert decode_meal(str(meal.id), document) == meal.snapshot()


def test_a_deleted_meal_keeps_its_place_and_nothing_else() -> None:
    meal = analyzed()
    meal.update(timing=meal.timing, notes="a secret note", amounts={}, actor=ALICE)
    meal.delete(actor=ALICE)

    [document] = applied(MEALS, events_of(meal)).values()

    deleted = decode_meal(str(meal.id), document)
    assert deleted.status is MealStatus.DELETED
    assert (deleted.user_id, deleted.eaten_at) == ("alice", meal.timing.eaten_at)
    assert deleted.totals == total(())
    for secret in ("secret", "chicken", "rice"):
        assert secret not in repr(document)


def test_a_document_and_its_snapshot_say_the_same() -> None:
    meal = analyzed().snapshot()

    assert decode_meal(meal.id, encode_meal(meal)) == meal


def test_a_second_first_event_is_refused() -> None:
    [event] = events_of(requested())

    with pytest.raises(UnexpectedEvent):
        evolve(str(event.originator_id), evolve(str(event.originator_id), None, event), event)


def test_an_event_before_the_first_is_refused() -> None:
    event = events_of(analyzed())[1]

    with pytest.raises(UnexpectedEvent):
        evolve(str(event.originator_id), None, event)


def test_an_event_without_a_rule_is_refused() -> None:
    [first] = events_of(requested())

    with pytest.raises(UnexpectedEvent):
        evolve("key", evolve("key", None, first), of_no_known_class(first))
