"""Meals and plates for the tests of several rooms."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from msgspec import structs

from ledger import (
    UNKNOWN,
    Actor,
    FoundNutrients,
    Meal,
    MealEntry,
    MealType,
    MealWarning,
    ModelRun,
    Nutrients,
    NutrientSource,
    Proposal,
    Provenance,
    Timing,
    TokenUsage,
    WarningCode,
)
from ledger.local_day import local_date

ALICE = Actor(user_id="alice", correlation_id="request-1")
NOON = datetime(2025, 11, 13, 12, 0, tzinfo=UTC)
RICE = Nutrients.of(calories=130, protein=2.69, carbs=28.17, fat=0.28, fiber=0.4, sugar=0.05, sodium=1)
CHICKEN = Nutrients.of(calories=165, protein=31.02, carbs=0, fat=3.57, fiber=0, sugar=0, sodium=74)


def timing(eaten_at: datetime = NOON, zone: str = "UTC", meal_type: MealType = MealType.LUNCH) -> Timing:
    return Timing(
        meal_type=meal_type, eaten_at=eaten_at, time_zone=zone, local_date=local_date(eaten_at, zone)
    )


def entry(name: str, grams: float, per_100g: Nutrients, confidence: float | None = 0.9) -> MealEntry:
    return MealEntry(
        id=str(uuid4()),
        name=name,
        quantity_g=grams,
        per_100g=per_100g,
        nutrients=per_100g.for_grams(grams),
        confidence=confidence,
        provenance=None,
    )


def plate(*entries: MealEntry) -> Proposal:
    return Proposal(
        dish_name="chicken with rice",
        entries=entries or (entry("rice", 150, RICE, 0.9), entry("chicken", 120, CHICKEN, 0.7)),
        warnings=(),
        run=ModelRun(
            model="a-model",
            prompt_version="1",
            tokens=TokenUsage(input=100, cached=None, written=None, output=50),
        ),
        duration_ms=1200,
    )


def awaiting_plate(*foods: MealEntry) -> Proposal:
    """Rice, and foods (cherimoya of 50 g, unless others are given) of which no database could be asked."""
    awaited = foods or (entry("cherimoya", 50, UNKNOWN),)
    rice = entry("rice", 150, RICE)
    return structs.replace(
        plate(rice, *awaited),
        warnings=(
            warning(WarningCode.AMOUNT_UNCERTAIN, rice),
            *(warning(WarningCode.NUTRIENTS_UNAVAILABLE, food) for food in awaited),
        ),
    )


def warning(code: WarningCode, about: MealEntry) -> MealWarning:
    return MealWarning(code=code, message=about.name, entry_id=about.id)


def found_for(about: MealEntry, per_100g: Nutrients) -> FoundNutrients:
    """What a later search found for the entry."""
    provenance = Provenance(
        source=NutrientSource.USDA,
        source_id="7",
        data_type="SR Legacy",
        food_name=about.name,
        published=None,
        match_confidence=1.0,
    )
    return FoundNutrients(
        entry_id=about.id, per_100g=per_100g, provenance=provenance, alternatives=(), warnings=()
    )


def nowhere_found(about: MealEntry) -> FoundNutrients:
    """What a later search says of a food that is in no database."""
    return FoundNutrients(
        entry_id=about.id,
        per_100g=UNKNOWN,
        provenance=None,
        alternatives=(),
        warnings=(warning(WarningCode.NUTRIENTS_NOT_FOUND, about),),
    )


def requested(meal_id: UUID | None = None, *, user_id: str = "alice", when: Timing | None = None) -> Meal:
    return Meal.request_analysis(
        meal_id or uuid4(),
        actor=Actor(user_id=user_id, correlation_id="request-1"),
        photo_url="https://example.com/secret-plate.jpg",
        dish_hint="my secret hint",
        timing=when or timing(),
        fingerprint="f",
    )


def analyzed(**arguments: object) -> Meal:
    meal = requested(**arguments)  # type: ignore[arg-type] # handed on as it is
    meal.propose(plate(), actor=ALICE)
    return meal


def awaiting(*foods: MealEntry, **arguments: object) -> Meal:
    """An analysed meal with entries whose nutrients are awaited."""
    meal = requested(**arguments)  # type: ignore[arg-type] # handed on as it is
    meal.propose(awaiting_plate(*foods), actor=ALICE)
    return meal
