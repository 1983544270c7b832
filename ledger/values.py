"""The values that events, the aggregate and the read models share."""

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct, structs

from ledger.errors import ErrorCode
from ledger.nutrition import Nutrients, total


class MealStatus(StrEnum):
    """The status of a meal; `ledger.meal` draws the transitions."""

    ANALYZING = "ANALYZING"
    ANALYZED = "ANALYZED"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    DELETED = "DELETED"


class MealType(StrEnum):
    BREAKFAST = "BREAKFAST"
    LUNCH = "LUNCH"
    DINNER = "DINNER"
    SNACK = "SNACK"


class MealSource(StrEnum):
    """How the meal was recorded."""

    PHOTO = "PHOTO"


class NutrientSource(StrEnum):
    """The source of a food's nutrients."""

    USDA = "USDA"
    OPENFOODFACTS = "OPENFOODFACTS"
    MANUAL = "MANUAL"


class WarningCode(StrEnum):
    """Why an entry of a proposed meal needs the person's attention."""

    NUTRIENTS_NOT_FOUND = "NUTRIENTS_NOT_FOUND"
    NUTRIENTS_UNAVAILABLE = "NUTRIENTS_UNAVAILABLE"
    AMOUNT_UNUSABLE = "AMOUNT_UNUSABLE"
    AMOUNT_UNCERTAIN = "AMOUNT_UNCERTAIN"
    MATCH_UNCERTAIN = "MATCH_UNCERTAIN"
    NUTRIENTS_IMPLAUSIBLE = "NUTRIENTS_IMPLAUSIBLE"
    FOOD_UNREADABLE = "FOOD_UNREADABLE"
    FOODS_LEFT_OUT = "FOODS_LEFT_OUT"


class FoodState(StrEnum):
    """Whether the food on the plate is raw or cooked."""

    RAW = "RAW"
    COOKED = "COOKED"


class CarbohydrateBasis(StrEnum):
    """What a source counts as carbohydrate: US tables and labels include the fibre, labels of the EU do not."""

    WITH_FIBER = "WITH_FIBER"
    WITHOUT_FIBER = "WITHOUT_FIBER"


class Provenance(Struct, frozen=True, kw_only=True):
    """The record that a food's nutrients come from: the source's own id, kind of record, name and publication date.

    `release` is the release of the table that holds the record. `match_confidence`, from 0 to 1, is how well the
    record's name matches the recognised food.
    """

    source: NutrientSource
    source_id: str
    data_type: str | None
    food_name: str
    published: str | None
    match_confidence: float
    release: str | None = None
    carbohydrate: CarbohydrateBasis | None = None


class FoodAlternative(Struct, frozen=True, kw_only=True):
    """Another record that may be the food: its source, the source's own id and name, and kcal per 100 g."""

    source: NutrientSource
    source_id: str
    food_name: str
    calories: float | None


class MealEntry(Struct, frozen=True, kw_only=True):
    """One food of a meal: a snapshot, which later changes at the source never rewrite.

    `state` and `confidence` are the model's own, the latter from 0 to 1. An unmatched food has no provenance and
    unknown nutrients. `alternatives` are the best other records where the match is uncertain, at most three.
    """

    id: str
    name: str
    quantity_g: float
    per_100g: Nutrients
    nutrients: Nutrients
    confidence: float | None
    provenance: Provenance | None
    state: FoodState | None = None
    alternatives: tuple[FoodAlternative, ...] = ()


class MealWarning(Struct, frozen=True, kw_only=True):
    """A hint to check an entry. `entry_id` is None where the food has no entry."""

    code: WarningCode
    message: str
    entry_id: str | None


class FoundNutrients(Struct, frozen=True, kw_only=True):
    """What a later search found for an entry: its nutrients, and the warnings that the person should see now.

    Without provenance no database has the food.
    """

    entry_id: str
    per_100g: Nutrients
    provenance: Provenance | None
    alternatives: tuple[FoodAlternative, ...]
    warnings: tuple[MealWarning, ...]


class TokenUsage(Struct, frozen=True, kw_only=True):
    """Tokens as the service reported them; cached and written ones are part of the input. `None`: unreported."""

    input: int | None
    cached: int | None
    written: int | None
    output: int | None


class ModelRun(Struct, frozen=True, kw_only=True):
    """One run of a model: which model and prompt answered, the tokens it took, and its cost.

    `cost` is in `cost_currency` by the price table named; all three are absent where the model's price is not known.
    """

    model: str
    prompt_version: str
    tokens: TokenUsage
    cost: float | None = None
    cost_currency: str | None = None
    price_table: str | None = None


class ChoiceRun(Struct, frozen=True, kw_only=True):
    """The run of a model that chose among the records of a plate's foods, and its duration in milliseconds."""

    run: ModelRun
    duration_ms: int


class Proposal(Struct, frozen=True, kw_only=True):
    """The result of an analysis: the entries to be reviewed. `duration_ms` is the whole analysis, in milliseconds.

    `choice` is the second run, where a model chose among the records.
    """

    dish_name: str | None
    entries: tuple[MealEntry, ...]
    warnings: tuple[MealWarning, ...]
    run: ModelRun
    duration_ms: int
    choice: ChoiceRun | None = None


class Timing(Struct, frozen=True, kw_only=True):
    """When a meal was eaten, and the local date and meal type under which it counts."""

    meal_type: MealType
    eaten_at: datetime
    time_zone: str
    local_date: date


class Actor(Struct, frozen=True, kw_only=True):
    """Who acts, and in which request. `user_id` is `system` where no person acts."""

    user_id: str
    correlation_id: str


class MealSnapshot(Struct, frozen=True, kw_only=True):
    """A meal at one position of its stream: returned by commands, and stored in the `meals` read model.

    Confidence is the mean of the entries' confidences, from 0 to 1. Instants are UTC at millisecond precision.
    """

    id: str
    user_id: str
    status: MealStatus
    meal_type: MealType
    dish_name: str | None
    photo_url: str | None
    source: MealSource
    confidence: float | None
    eaten_at: datetime
    time_zone: str
    local_date: date
    notes: str | None
    entries: tuple[MealEntry, ...]
    totals: Nutrients
    warnings: tuple[MealWarning, ...]
    failure_code: ErrorCode | None
    failure_message: str | None
    created_at: datetime
    updated_at: datetime

    def redacted(self) -> "MealSnapshot":
        """The snapshot of a deleted meal: its identity, times and status, without its content."""
        return structs.replace(
            self,
            dish_name=None,
            photo_url=None,
            confidence=None,
            notes=None,
            entries=(),
            totals=total(()),
            warnings=(),
        )
