"""The ports of the analysis to outside services. Adapters implement them, and raise the errors of `ledger.errors`."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ledger.nutrition import Nutrients
from ledger.values import CarbohydrateBasis, FoodState, ModelRun, NutrientSource, WarningCode


class Remark(Struct, frozen=True, kw_only=True):
    """Something that the person should know of a food or of the plate, to become a warning of the meal."""

    code: WarningCode
    message: str


class RecognizedFood(Struct, frozen=True, kw_only=True):
    """A food that the model saw: its plain English name, grams as eaten, and the model's confidence from 0 to 1."""

    name: str
    grams: float
    state: FoodState | None
    confidence: float | None
    remarks: tuple[Remark, ...] = ()


class Recognition(Struct, frozen=True, kw_only=True):
    """The model's answer, and the run that gave it. `remarks` are of the plate, as of a food that was left out."""

    dish_name: str | None
    foods: tuple[RecognizedFood, ...]
    run: ModelRun
    remarks: tuple[Remark, ...] = ()


class FoodRecognizer(Protocol):
    """A vision model that names foods and estimates grams."""

    async def recognize(self, *, photo_url: str, dish_hint: str | None, user_id: str) -> Recognition:
        """The foods in the photo; none when the model sees none.

        `user_id` serves the service's abuse detection and is sent only as a hash.
        Raises PhotoNotAccessible, AnalysisRefused, RateLimited, ServiceUnavailable.
        """
        ...


class FoodRecord(Struct, frozen=True, kw_only=True):
    """One food of a nutrient database. `published` is the record's own date; `brand` is absent for a generic food.

    `group` is the database's own group of foods; `other_names` are common and scientific names. `remarks` say what was
    mended in the nutrients, or left unknown as impossible.
    """

    source: NutrientSource
    source_id: str
    name: str
    data_type: str | None
    brand: str | None
    published: str | None
    per_100g: Nutrients
    other_names: tuple[str, ...] = ()
    group: str | None = None
    release: str | None = None
    carbohydrate: CarbohydrateBasis | None = None
    remarks: tuple[Remark, ...] = ()


class FoodChoice(Struct, frozen=True, kw_only=True):
    """A food of a plate, and the records among which its own may be, the likeliest first."""

    name: str
    state: FoodState | None
    candidates: tuple[FoodRecord, ...]


class ChoiceOutcome(Struct, frozen=True, kw_only=True):
    """For each food, in order, the place of the chosen record among its candidates, counted from 0.

    None: no candidate is that food, or the model did not say. `duration_ms` is the whole call, in milliseconds.
    """

    chosen: tuple[int | None, ...]
    run: ModelRun
    duration_ms: int


class FoodChooser(Protocol):
    """A model that chooses among records by their names, as a person would."""

    async def choose(self, *, foods: Sequence[FoodChoice], user_id: str) -> ChoiceOutcome:
        """One choice for each food, all from one call; at least one food.

        `user_id` serves the service's abuse detection and is sent only as a hash.
        Raises an AnalysisFailure.
        """
        ...


class NutrientDatabase(Protocol):
    """A database that supplies nutrients by a food's name."""

    @property
    def source(self) -> NutrientSource: ...

    async def search(self, name: str) -> Sequence[FoodRecord]:
        """The records for that name from one call, in the database's own order; none when it has none.

        Raises RateLimited, ServiceUnavailable.
        """
        ...
