"""The Meal aggregate: every transition that its picture shows is possible, and no other."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from ledger import (
    UNKNOWN,
    ErrorCode,
    InvalidArgument,
    InvalidState,
    Meal,
    MealAnalyzed,
    MealConfirmed,
    MealDeleted,
    MealEvent,
    MealFull,
    MealNutrientsCompleted,
    MealStatus,
    MealType,
    MealUpdated,
    MealWarning,
    NoFoodRecognized,
    UnknownEntry,
    WarningCode,
    total,
)
from ledger.meal import MAX_EVENTS
from tests.ledger.plates import (
    ALICE,
    CHICKEN,
    NOON,
    RICE,
    analyzed,
    awaiting,
    entry,
    found_for,
    nowhere_found,
    plate,
    requested,
    timing,
    warning,
)


def failed() -> Meal:
    meal = requested()
    meal.fail(NoFoodRecognized("No food was recognised in the photo."), actor=ALICE)
    return meal


def confirmed() -> Meal:
    meal = analyzed()
    meal.confirm([meal.entries[0].id], actor=ALICE)
    return meal


def deleted() -> Meal:
    meal = confirmed()
    meal.delete(actor=ALICE)
    return meal


MEALS: dict[MealStatus, Callable[[], Meal]] = {
    MealStatus.ANALYZING: requested,
    MealStatus.ANALYZED: analyzed,
    MealStatus.CONFIRMED: confirmed,
    MealStatus.FAILED: failed,
    MealStatus.DELETED: deleted,
}
ACTIONS: dict[str, tuple[Callable[[Meal], None], dict[MealStatus, MealStatus]]] = {
    "propose": (
        lambda meal: meal.propose(plate(), actor=ALICE),
        {MealStatus.ANALYZING: MealStatus.ANALYZED},
    ),
    "fail": (
        lambda meal: meal.fail(NoFoodRecognized("nothing"), actor=ALICE),
        {MealStatus.ANALYZING: MealStatus.FAILED},
    ),
    "confirm": (
        lambda meal: meal.confirm(
            [*[entry.id for entry in meal.entries[:2]], *["x"][: not meal.entries]], actor=ALICE
        ),
        {MealStatus.ANALYZED: MealStatus.CONFIRMED, MealStatus.CONFIRMED: MealStatus.CONFIRMED},
    ),
    "update": (
        lambda meal: meal.update(timing=timing(meal_type=MealType.SNACK), notes="x", amounts={}, actor=ALICE),
        {MealStatus.ANALYZED: MealStatus.ANALYZED, MealStatus.CONFIRMED: MealStatus.CONFIRMED},
    ),
    "complete": (
        lambda meal: meal.complete_nutrients([found_for(entry("rice", 1, RICE), RICE)], actor=ALICE),
        {MealStatus.ANALYZED: MealStatus.ANALYZED, MealStatus.CONFIRMED: MealStatus.CONFIRMED},
    ),
    "delete": (
        lambda meal: meal.delete(actor=ALICE),
        {
            MealStatus.ANALYZED: MealStatus.DELETED,
            MealStatus.CONFIRMED: MealStatus.DELETED,
            MealStatus.FAILED: MealStatus.DELETED,
            MealStatus.DELETED: MealStatus.DELETED,
        },
    ),
}


@pytest.mark.parametrize("status", MealStatus)
@pytest.mark.parametrize("name", ACTIONS)
def test_only_the_drawn_ways_are_open(name: str, status: MealStatus) -> None:
    act, ways = ACTIONS[name]
    meal = MEALS[status]()
    assert meal.status is status
    before = meal.snapshot()
    if status in ways:
        act(meal)
        assert meal.status is ways[status]
    else:
        with pytest.raises(InvalidState, match=status):
            act(meal)
        assert meal.snapshot() == before


def only(meal: Meal) -> MealEvent:
    """The one event that the meal has to append."""
    (event,) = meal.collect_events()
    assert isinstance(event, MealEvent)
    return event


def fresh(meal: Meal) -> Meal:
    meal.collect_events()
    return meal


def test_every_event_carries_user_date_meal_type_and_status() -> None:
    meal = confirmed()
    meal.update(timing=timing(meal_type=MealType.DINNER), notes=None, amounts={}, actor=ALICE)
    meal.delete(actor=ALICE)
    events = meal.collect_events()
    assert [event.status for event in events if isinstance(event, MealEvent)] == [
        MealStatus.ANALYZING,
        MealStatus.ANALYZED,
        MealStatus.CONFIRMED,
        MealStatus.CONFIRMED,
        MealStatus.DELETED,
    ]
    for version, event in enumerate(events, 1):
        assert isinstance(event, MealEvent)
        assert (event.user_id, event.actor, event.correlation_id) == ("alice", "alice", "request-1")
        assert event.local_date == NOON.date()
        assert event.originator_version == version
        assert event.timestamp.microsecond % 1000 == 0
    assert [event.meal_type for event in events if isinstance(event, MealEvent)][-2:] == [MealType.DINNER] * 2


def test_an_analysis_proposes_entries_with_their_exact_total() -> None:
    meal = fresh(requested())
    meal.propose(plate(), actor=ALICE)
    event = only(meal)
    assert isinstance(event, MealAnalyzed)
    assert event.totals == total([RICE.for_grams(150), CHICKEN.for_grams(120)])
    assert event.totals.calories == 393.0
    assert event.confidence == 0.8
    assert meal.snapshot().dish_name == "chicken with rice"


def test_a_plate_without_confidences_has_none() -> None:
    meal = requested()
    meal.propose(plate(entry("rice", 100, RICE, None)), actor=ALICE)
    assert meal.confidence is None


def test_a_failure_keeps_its_code_and_message() -> None:
    snapshot = failed().snapshot()
    assert snapshot.failure_code is ErrorCode.NO_FOOD_RECOGNIZED
    assert snapshot.failure_message == "No food was recognised in the photo."


def test_confirming_keeps_and_totals_the_named_entries() -> None:
    meal = fresh(analyzed())
    rice, chicken = meal.entries
    meal.confirm([chicken.id, chicken.id], actor=ALICE)
    event = only(meal)
    assert isinstance(event, MealConfirmed)
    assert event.kept_entry_ids == (chicken.id,)
    assert event.rejected_entry_ids == (rice.id,)
    assert event.totals == chicken.nutrients == meal.totals
    assert meal.entries == (chicken,)


def test_confirming_drops_the_warnings_of_rejected_entries_only() -> None:
    rice, fruit = entry("rice", 100, RICE), entry("cherimoya", 50, RICE)
    about = {
        name: MealWarning(code=WarningCode.NUTRIENTS_NOT_FOUND, message=name, entry_id=entry_id)
        for name, entry_id in [("fruit", fruit.id), ("rice", rice.id), ("plate", None)]
    }
    meal = requested()
    meal.propose(structs.replace(plate(rice, fruit), warnings=tuple(about.values())), actor=ALICE)
    meal.confirm([rice.id], actor=ALICE)
    assert meal.warnings == (about["rice"], about["plate"])


def test_the_same_confirm_again_changes_nothing() -> None:
    meal = fresh(confirmed())
    meal.confirm([meal.entries[0].id], actor=ALICE)
    assert not meal.pending_events


def test_another_confirm_of_a_confirmed_meal_is_refused() -> None:
    meal = analyzed()
    rice, chicken = meal.entries
    meal.confirm([rice.id], actor=ALICE)
    with pytest.raises(InvalidState):
        meal.confirm([rice.id, chicken.id], actor=ALICE)


@pytest.mark.parametrize("unknown", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_entry_is_refused_and_nothing_is_kept(unknown: str) -> None:
    meal = fresh(analyzed())
    with pytest.raises(UnknownEntry) as refused:
        meal.confirm([meal.entries[0].id, unknown], actor=ALICE)
    assert refused.value.field == "confirmedEntryIds"
    assert not meal.pending_events


def test_confirming_nothing_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        analyzed().confirm([], actor=ALICE)


def test_an_update_carries_the_values_before_and_after() -> None:
    meal = fresh(confirmed())
    (rice,) = meal.entries
    evening = timing(NOON + timedelta(days=1, hours=7), "Europe/Paris", MealType.DINNER)
    meal.update(timing=evening, notes="late", amounts={rice.id: 200.0}, actor=ALICE)
    event = only(meal)
    assert isinstance(event, MealUpdated)
    assert (event.before, event.after) == (timing(), evening)
    assert (event.local_date, event.meal_type) == (evening.local_date, MealType.DINNER)
    assert (event.totals_before, event.totals_after) == (RICE.for_grams(150), RICE.for_grams(200))
    (change,) = event.changed_entries
    assert (change.entry_id, change.quantity_before, change.quantity_after) == (rice.id, 150, 200)
    assert (event.personal.before, event.personal.after) == (None, "late")
    assert meal.totals == event.totals_after
    assert meal.snapshot().notes == "late"


def test_grams_rescale_from_the_values_per_100_g() -> None:
    meal = analyzed()
    rice = meal.entries[0]
    for grams in (0.001, 150.0):
        meal.update(timing=meal.timing, notes=None, amounts={rice.id: grams}, actor=ALICE)
    assert meal.entries[0] == rice


def test_an_equal_update_appends_nothing() -> None:
    meal = fresh(analyzed())
    meal.update(
        timing=meal.timing, notes=None, amounts={meal.entries[0].id: meal.entries[0].quantity_g}, actor=ALICE
    )
    assert not meal.pending_events


def test_an_amount_of_an_unknown_entry_is_refused() -> None:
    meal = fresh(analyzed())
    with pytest.raises(UnknownEntry) as refused:
        meal.update(timing=meal.timing, notes="x", amounts={"x": 1.0}, actor=ALICE)
    assert refused.value.field == "entries"
    assert not meal.pending_events


def noted(meal: Meal, note: str) -> None:
    meal.update(timing=meal.timing, notes=note, amounts={}, actor=ALICE)


def test_found_nutrients_are_filled_in_for_the_amounts_of_now() -> None:
    meal = fresh(awaiting())
    rice, fruit = meal.entries
    meal.update(timing=meal.timing, notes=None, amounts={fruit.id: 80.0}, actor=ALICE)
    meal.confirm([rice.id, fruit.id], actor=ALICE)
    fresh(meal)
    assert not meal.totals.complete
    meal.complete_nutrients([found_for(fruit, CHICKEN)], actor=ALICE)
    event = only(meal)
    assert isinstance(event, MealNutrientsCompleted)
    assert event.status is MealStatus.CONFIRMED
    (completed,) = event.completed_entries
    assert (completed.id, completed.quantity_g) == (fruit.id, 80)
    assert (completed.per_100g, completed.nutrients) == (CHICKEN, CHICKEN.for_grams(80))
    assert completed.provenance is not None
    assert event.totals_before == total([RICE.for_grams(150), fruit.nutrients])
    assert event.totals_after == total([RICE.for_grams(150), CHICKEN.for_grams(80)]) == meal.totals
    assert event.warnings == meal.warnings == (warning(WarningCode.AMOUNT_UNCERTAIN, rice),)
    assert meal.entries == (rice, completed)
    assert meal.awaiting_nutrients == ()


def test_a_food_of_no_database_awaits_its_nutrients_no_more() -> None:
    meal = fresh(awaiting())
    rice, fruit = meal.entries
    meal.complete_nutrients([nowhere_found(fruit)], actor=ALICE)
    event = only(meal)
    assert isinstance(event, MealNutrientsCompleted)
    assert event.completed_entries == ()
    assert event.totals_before == event.totals_after
    assert [(after.code, after.entry_id) for after in meal.warnings] == [
        (WarningCode.AMOUNT_UNCERTAIN, rice.id),
        (WarningCode.NUTRIENTS_NOT_FOUND, fruit.id),
    ]
    assert meal.awaiting_nutrients == ()


def test_an_entry_that_is_still_awaited_keeps_its_warning() -> None:
    fruit, root = entry("cherimoya", 50, UNKNOWN), entry("oca", 70, UNKNOWN)
    meal = awaiting(fruit, root)
    meal.complete_nutrients([found_for(root, RICE)], actor=ALICE)
    assert meal.awaiting_nutrients == (fruit,)
    assert meal.warnings[1:] == (warning(WarningCode.NUTRIENTS_UNAVAILABLE, fruit),)


def test_nutrients_of_entries_that_await_none_change_nothing() -> None:
    meal = awaiting()
    rice, fruit = meal.entries
    meal.confirm([rice.id], actor=ALICE)
    fresh(meal)
    meal.complete_nutrients([found_for(fruit, RICE), found_for(rice, CHICKEN)], actor=ALICE)
    assert not meal.pending_events


def test_a_deleted_meal_awaits_nothing() -> None:
    meal = awaiting()
    meal.delete(actor=ALICE)
    assert meal.awaiting_nutrients == ()


def test_a_full_meal_takes_no_nutrients() -> None:
    meal = full(awaiting())
    assert meal.awaiting_nutrients == ()
    with pytest.raises(MealFull):
        meal.complete_nutrients([found_for(meal.entries[1], RICE)], actor=ALICE)


def full(meal: Meal | None = None) -> Meal:
    """A meal that was updated until it was refused."""
    meal = meal or analyzed()
    for number in range(MAX_EVENTS - 4):
        noted(meal, f"note {number}")
    with pytest.raises(MealFull, match="delete it and record it again"):
        noted(meal, "one too many")
    return meal


def test_a_full_meal_can_still_be_confirmed_and_deleted() -> None:
    meal = full()
    meal.confirm([meal.entries[0].id], actor=ALICE)
    with pytest.raises(MealFull):
        noted(meal, "one too many")
    meal.delete(actor=ALICE)
    assert (meal.status, meal.version) == (MealStatus.DELETED, MAX_EVENTS)


def test_a_full_meal_accepts_an_equal_update() -> None:
    meal = fresh(full())
    meal.update(timing=meal.timing, notes=meal.notes, amounts={}, actor=ALICE)
    assert not meal.pending_events


def test_deleting_carries_the_status_and_totals_before() -> None:
    meal = fresh(confirmed())
    meal.delete(actor=ALICE)
    event = only(meal)
    assert isinstance(event, MealDeleted)
    assert (event.status_before, event.totals) == (MealStatus.CONFIRMED, RICE.for_grams(150))


def test_deleting_a_deleted_meal_appends_nothing() -> None:
    meal = fresh(deleted())
    before = meal.snapshot()
    meal.delete(actor=ALICE)
    assert not meal.pending_events
    assert meal.snapshot() == before


def test_an_event_without_a_handler_is_a_fault() -> None:
    meal = fresh(requested())
    facts: dict[str, Any] = vars(only(requested())) | {"originator_version": 2}
    del facts["originator_topic"], facts["source"], facts["eaten_at"], facts["time_zone"]
    del facts["fingerprint"], facts["personal"]
    stranger = MealEvent(**facts | {"originator_id": meal.id})
    with pytest.raises(NotImplementedError, match="MealEvent"):
        stranger.mutate(meal)
