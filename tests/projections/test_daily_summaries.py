"""The read model of days."""

from datetime import UTC, date, datetime

import pytest

from ledger import MealStatus, MealType, NoFoodRecognized, total
from projections import DAILY_SUMMARIES, Document, UnexpectedEvent, summary
from projections.daily_summaries import day_key, evolve
from tests.ledger.plates import ALICE, CHICKEN, NOON, analyzed, awaiting, found_for, requested, timing
from tests.projections.specs import applied, events_of, of_no_known_class

TODAY, YESTERDAY = date(2025, 11, 13), date(2025, 11, 12)
LAST_NIGHT = timing(datetime(2025, 11, 12, 19, 0, tzinfo=UTC), meal_type=MealType.DINNER)


def of(documents: dict[str, Document], day: date = TODAY, user_id: str = "alice") -> Document | None:
    return documents.get(day_key(user_id, day))


def test_a_day_without_meals_has_complete_totals_of_zero() -> None:
    empty = summary(TODAY, None, 7)

    assert (empty.date, empty.meal_count, empty.pending_count, empty.breakdown) == (TODAY, 0, 0, ())
    assert empty.totals == total(())
    assert empty.totals.complete
    assert empty.totals.calories == 0
    assert empty.position == 7


def test_a_meal_being_analysed_is_on_no_day() -> None:
    assert applied(DAILY_SUMMARIES, events_of(requested())) == {}


def test_a_failed_meal_is_on_no_day() -> None:
    meal = requested()
    meal.fail(NoFoodRecognized("nothing"), actor=ALICE)
    meal.delete(actor=ALICE)

    assert applied(DAILY_SUMMARIES, events_of(meal)) == {}


def test_an_analysed_meal_only_waits() -> None:
    day = summary(TODAY, of(applied(DAILY_SUMMARIES, events_of(analyzed()))), 1)

    assert (day.meal_count, day.pending_count, day.breakdown) == (0, 1, ())
    assert day.totals == total(())


def test_a_confirmed_meal_counts_with_what_was_kept() -> None:
    meal = analyzed()
    meal.confirm([meal.entries[0].id], actor=ALICE)

    day = summary(TODAY, of(applied(DAILY_SUMMARIES, events_of(meal))), 1)

    assert (day.meal_count, day.pending_count) == (1, 0)
    assert day.totals == meal.entries[0].nutrients
    [lunch] = day.breakdown
    assert (lunch.meal_type, lunch.meal_count, lunch.totals) == (MealType.LUNCH, 1, day.totals)


def test_the_breakdown_follows_the_order_of_the_meal_types() -> None:
    meals = [analyzed(when=timing(NOON, meal_type=meal_type)) for meal_type in reversed(MealType)]
    for meal in meals:
        meal.confirm([entry.id for entry in meal.entries], actor=ALICE)

    documents = applied(DAILY_SUMMARIES, [event for meal in meals for event in events_of(meal)])

    day = summary(TODAY, of(documents), 1)
    assert [part.meal_type for part in day.breakdown] == list(MealType)
    assert day.totals == total(part.totals for part in day.breakdown)
    assert day.meal_count == 4


def test_a_moved_meal_leaves_nothing_behind() -> None:
    moved, staying = analyzed(), analyzed()
    for meal in (moved, staying):
        meal.confirm([entry.id for entry in meal.entries], actor=ALICE)
    documents = applied(DAILY_SUMMARIES, [*events_of(moved), *events_of(staying)])
    without = applied(DAILY_SUMMARIES, events_of(analyzed()))

    moved.update(timing=LAST_NIGHT, notes=None, amounts={}, actor=ALICE)
    documents = applied(DAILY_SUMMARIES, events_of(moved), documents)

    today, yesterday = summary(TODAY, of(documents), 1), summary(YESTERDAY, of(documents, YESTERDAY), 1)
    assert (today.meal_count, today.totals) == (1, staying.totals)
    assert (yesterday.meal_count, yesterday.breakdown[0].meal_type) == (1, MealType.DINNER)
    assert of(without, YESTERDAY) is None


def test_the_last_meal_takes_its_day_with_it() -> None:
    meal = analyzed()
    documents = applied(DAILY_SUMMARIES, events_of(meal))
    assert of(documents) is not None

    meal.update(timing=LAST_NIGHT, notes=None, amounts={}, actor=ALICE)
    documents = applied(DAILY_SUMMARIES, events_of(meal), documents)
    assert (of(documents), of(documents, YESTERDAY) is None) == (None, False)

    meal.delete(actor=ALICE)
    assert applied(DAILY_SUMMARIES, events_of(meal), documents) == {}


def test_unknown_nutrients_make_a_day_incomplete_and_not_smaller() -> None:
    meal = analyzed()
    meal.confirm([entry.id for entry in meal.entries], actor=ALICE)
    [event] = [event for event in events_of(meal) if event.status is MealStatus.CONFIRMED]
    vars(event)["totals"] = total([meal.totals, type(meal.totals).of(calories=10)])

    day = summary(TODAY, of(applied(DAILY_SUMMARIES, [event])), 1)

    assert not day.totals.complete
    assert day.totals.protein == meal.totals.protein


def test_nutrients_found_later_complete_the_day() -> None:
    meal = awaiting()
    meal.confirm([entry.id for entry in meal.entries], actor=ALICE)
    documents = applied(DAILY_SUMMARIES, events_of(meal))
    assert not summary(TODAY, of(documents), 1).totals.complete

    meal.complete_nutrients([found_for(meal.entries[1], CHICKEN)], actor=ALICE)
    day = summary(TODAY, of(applied(DAILY_SUMMARIES, events_of(meal), documents)), 1)

    assert day.totals.complete
    assert day.totals == day.breakdown[0].totals == meal.totals
    assert (day.meal_count, day.pending_count) == (1, 0)


@pytest.mark.parametrize("user_id", ["", "/", "a/b", "2025-11-13/alice", "\N{SNOWMAN}", "a\x00b"])
def test_no_two_days_share_a_key(user_id: str) -> None:
    others = ["", "/", "a/b", "2025-11-13/alice", "\N{SNOWMAN}", "a\x00b", "alice"]
    keys = {day_key(other, day) for other in {user_id, *others} for day in (TODAY, YESTERDAY)}

    assert len(keys) == 2 * len({user_id, *others})


def test_days_of_different_people_never_meet() -> None:
    alice, bob = analyzed(), analyzed(user_id="bob")

    documents = applied(DAILY_SUMMARIES, [*events_of(alice), *events_of(bob)])

    assert {document["user_id"] for document in documents.values()} == {"alice", "bob"}


def test_an_event_without_a_rule_is_refused() -> None:
    [first] = events_of(requested())

    with pytest.raises(UnexpectedEvent):
        evolve(day_key("alice", TODAY), None, of_no_known_class(first))
