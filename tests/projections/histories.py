"""Random histories: several people's meals, interleaved, over days, zones and clock changes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from hypothesis import strategies as st
from msgspec import structs

from ledger import (
    UNKNOWN,
    Actor,
    InvalidState,
    Meal,
    MealEntry,
    MealEvent,
    MealType,
    NoFoodRecognized,
    Nutrients,
    Timing,
    UnknownEntry,
    WarningCode,
)
from ledger.local_day import local_date
from tests.ledger.plates import found_for, nowhere_found, plate, warning
from tests.projections.specs import events_of

USERS = ("alice", "bob", "2025-11-13/alice")
ZONES = ("America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia", "Europe/Berlin", "America/New_York", "UTC")
MOMENTS = (
    datetime(2025, 3, 30, 0, 30, tzinfo=UTC),  # Berlin's clocks go forward half an hour later
    datetime(2025, 10, 26, 0, 30, tzinfo=UTC),  # and back half an hour later
    datetime(2025, 3, 9, 9, 59, 59, 999000, tzinfo=UTC),  # the last moment before Los Angeles goes forward
    datetime(2025, 11, 2, 5, 30, tzinfo=UTC),  # the hour that New York has twice
    datetime(2025, 11, 13, 10, 59, 59, 999000, tzinfo=UTC),  # a millisecond before midnight in Apia, +13:00
    datetime(2025, 11, 13, 18, 15, tzinfo=UTC),  # midnight in Kathmandu, +05:45
    datetime(2025, 11, 13, 8, 0, tzinfo=UTC),  # midnight in Los Angeles, -08:00
)

_amounts = st.integers(0, 10_000_000).map(lambda thousandths: thousandths / 1000)
_nutrients = st.builds(
    Nutrients.of,
    calories=_amounts,
    protein=st.none() | _amounts,
    carbs=_amounts,
    fat=_amounts,
    fiber=st.none() | _amounts,
    sugar=_amounts,
    sodium=_amounts,
)


@st.composite
def timings(draw: st.DrawFn, moment: datetime) -> Timing:
    """A moment near that one, where a date or a clock changes, in some zone."""
    eaten_at = moment + draw(
        st.sampled_from([timedelta(0), timedelta(milliseconds=1), timedelta(hours=1), timedelta(hours=13)])
    )
    zone = draw(st.sampled_from(ZONES))
    return Timing(
        meal_type=draw(st.sampled_from(MealType)),
        eaten_at=eaten_at,
        time_zone=zone,
        local_date=local_date(eaten_at, zone),
    )


@st.composite
def entries(draw: st.DrawFn, count: int) -> MealEntry:
    per_100g = draw(_nutrients)
    grams = draw(st.integers(1, 2_000_000)) / 1000
    return MealEntry(
        id=f"entry-{count}",
        name=f"food {count}",
        quantity_g=grams,
        per_100g=per_100g,
        nutrients=per_100g.for_grams(grams),
        confidence=draw(st.none() | st.just(0.5)),
        provenance=None,
    )


def awaited_of(entry: MealEntry) -> st.SearchStrategy[MealEntry]:
    """The entry, with its nutrients or without."""
    return st.sampled_from([entry, structs.replace(entry, per_100g=UNKNOWN, nutrients=UNKNOWN)])


def _act(draw: st.DrawFn, meal: Meal, actor: Actor, moment: datetime) -> None:
    """One command on the meal, whatever comes of it."""
    what = draw(
        st.sampled_from(["propose", "fail", "confirm", "move", "amount", "notes", "complete", "delete"])
    )
    some = draw(st.lists(st.sampled_from(["entry-0", "entry-1", "entry-2"]), min_size=1, unique=True))
    match what:
        case "propose":
            proposed = [draw(entries(count)) for count in range(draw(st.integers(1, 3)))]
            awaited = [draw(awaited_of(entry)) for entry in proposed]
            warnings = tuple(
                warning(WarningCode.NUTRIENTS_UNAVAILABLE, after)
                for before, after in zip(proposed, awaited, strict=True)
                if after is not before
            )
            meal.propose(structs.replace(plate(*awaited), warnings=warnings), actor=actor)
        case "fail":
            meal.fail(NoFoodRecognized("No food was recognised."), actor=actor)
        case "confirm":
            meal.confirm(some, actor=actor)
        case "move":
            meal.update(timing=draw(timings(moment)), notes=meal.notes, amounts={}, actor=actor)
        case "amount":
            amounts = {some[0]: draw(st.integers(1, 2_000_000)) / 1000}
            meal.update(timing=meal.timing, notes=meal.notes, amounts=amounts, actor=actor)
        case "notes":
            meal.update(
                timing=meal.timing, notes=draw(st.none() | st.text(max_size=5)), amounts={}, actor=actor
            )
        case "complete":
            meal.complete_nutrients(
                [
                    draw(st.just(nowhere_found(entry)) | _nutrients.map(partial(found_for, entry)))
                    for entry in meal.entries
                    if entry.id in some
                ],
                actor=actor,
            )
        case "delete":
            meal.delete(actor=actor)


@st.composite
def histories(draw: st.DrawFn, max_commands: int = 40) -> tuple[Sequence[Meal], Sequence[MealEvent]]:
    """Some meals as the commands left them, and their events in the order of the log. What is refused leaves none.

    All lie about one moment, so that meals often share a day.
    """
    moment = draw(st.sampled_from(MOMENTS))
    meals = [
        Meal.request_analysis(
            UUID(int=number + 1),
            actor=Actor(user_id=user_id, correlation_id="r"),
            photo_url="https://example.com/plate.jpg",
            dish_hint=None,
            timing=draw(timings(moment)),
            fingerprint="f",
        )
        for number, user_id in enumerate(draw(st.lists(st.sampled_from(USERS), min_size=1, max_size=5)))
    ]
    log = [event for meal in meals for event in events_of(meal)]
    for _ in range(draw(st.integers(0, max_commands))):
        meal = meals[draw(st.integers(0, len(meals) - 1))]
        try:
            _act(draw, meal, Actor(user_id=meal.user_id, correlation_id="r"), moment)
        except (InvalidState, UnknownEntry):
            continue
        log += events_of(meal)
    return meals, log
