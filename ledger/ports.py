"""What the analysis needs of the outside world. Adapters implement these; `ledger.errors` is how they say no."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from ledger.nutrition import Nutrients
from ledger.values import NutrientSource, TokenUsage


class FoodState(StrEnum):
    """Whether the food on the plate is raw or cooked."""

    RAW = "RAW"
    COOKED = "COOKED"


class RecognizedFood(Struct, frozen=True, kw_only=True):
    """One food that the model saw: its plain English name, grams as eaten, and the model's confidence from 0 to 1."""

    name: str
    grams: float
    state: FoodState | None
    confidence: float | None


class Recognition(Struct, frozen=True, kw_only=True):
    """What the model answered, and what the answer took.

    `cost` is in `cost_currency` by the price table named; all three are absent where the model's price is not known.
    """

    dish_name: str | None
    foods: tuple[RecognizedFood, ...]
    model: str
    prompt_version: str
    tokens: TokenUsage
    cost: float | None = None
    cost_currency: str | None = None
    price_table: str | None = None


class FoodRecognizer(Protocol):
    """A vision model that names foods and estimates grams, and nothing more."""

    async def recognize(self, *, photo_url: str, dish_hint: str | None, user_id: str) -> Recognition:
        """The foods in the photo; none when it sees none.

        `user_id` serves the service's abuse detection and is sent only as a hash.
        Raises PhotoNotAccessible, AnalysisRefused, RateLimited, ServiceUnavailable.
        """
        ...


class FoodRecord(Struct, frozen=True, kw_only=True):
    """One food of a nutrient database. `published` is the record's own date; `brand` is absent for a generic food."""

    source: NutrientSource
    source_id: str
    name: str
    data_type: str | None
    brand: str | None
    published: str | None
    per_100g: Nutrients


class NutrientDatabase(Protocol):
    """A database that supplies nutrients by a food's name."""

    @property
    def source(self) -> NutrientSource: ...

    async def search(self, name: str) -> Sequence[FoodRecord]:
        """The records that the database offers for that name, its own order, one call; none when it has none.

        Raises RateLimited, ServiceUnavailable.
        """
        ...
