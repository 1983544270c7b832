"""OpenFoodFacts: nutrients of packaged foods by name. Its data are under the ODbL: name the source where they show."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from adapters.json_api import JsonApi
from adapters.resilience import Resilience
from ledger import KJ_PER_KCAL, FoodRecord, Nutrients, NutrientSource

PAGE_SIZE = 24
FIELDS = (
    "code",
    "product_name",
    "product_name_en",
    "brands",
    "product_type",
    "nutriments",
    "last_modified_t",
)

SALT_PER_SODIUM = 2.5
MG_PER_G = 1000

# Anyone can enter a product. 100 g of pure fat have 900 kcal; what says more, or holds more than it weighs, is wrong.
MOST_KCAL = 950
MOST_GRAMS = 105


class OpenFoodFactsDatabase:
    """The `NutrientDatabase` of OpenFoodFacts.

    `search_url` is the whole address of the search by text (version 1, `/cgi/search.pl`; version 2 has none).
    The service wants to know who asks: `version` is ours, `contact` an address of the operator.
    """

    source = NutrientSource.OPENFOODFACTS

    def __init__(
        self,
        *,
        search_url: str,
        resilience: Resilience,
        version: str,
        contact: str = "self-hosted meal diary",
    ) -> None:
        self._search_url = search_url
        self._api = JsonApi(resilience, {"User-Agent": f"MealLedger/{version} ({contact})"})

    async def search(self, name: str) -> Sequence[FoodRecord]:
        """The products found under the name whose nutrients per 100 g are known and possible."""
        words = " ".join(name.split())
        if not words:
            return ()
        params = [
            ("search_terms", words),
            ("search_simple", "1"),
            ("action", "process"),
            ("json", "1"),
            ("page_size", str(PAGE_SIZE)),
            ("fields", ",".join(FIELDS)),
        ]
        answer = await self._api.get(self._search_url, params, _SearchAnswer)
        if answer is None:
            return ()
        records = (_record(product) for product in answer.products)
        return tuple(record for record in records if record is not None)

    async def aclose(self) -> None:
        await self._api.aclose()


class _Product(Struct, frozen=True):
    """What people enter is of many shapes, so that a field counts only where it has the expected one."""

    code: object = None
    product_name: object = None
    product_name_en: object = None
    brands: object = None
    product_type: object = None
    nutriments: object = None
    last_modified_t: object = None


class _SearchAnswer(Struct, frozen=True):
    products: tuple[_Product, ...]


def _record(product: _Product) -> FoodRecord | None:
    code = _text(product.code)
    name = _text(product.product_name_en) or _text(product.product_name)
    per_100g = _per_100g(product.nutriments) if isinstance(product.nutriments, dict) else None
    if code is None or name is None or per_100g is None:
        return None
    return FoodRecord(
        source=NutrientSource.OPENFOODFACTS,
        source_id=code,
        name=name,
        data_type=_text(product.product_type),
        brand=_brand(product.brands),
        published=_date(product.last_modified_t),
        per_100g=per_100g,
    )


def _per_100g(nutriments: Mapping[str, object]) -> Nutrients | None:
    """The product as sold, or None where it says nothing about 100 g or nothing possible.

    `_serving` values are not used, since what a serving weighs is often missing. `_prepared_100g` values are not
    used either: with them one record would stand for two foods, the powder and the soup. `<name>_100g` is
    in the standard unit: kJ for energy and energy-kj, kcal for energy-kcal, grams for all else, sodium included.
    """

    def read(name: str) -> float | None:
        return _number(nutriments.get(f"{name}_100g"))

    calories = read("energy-kcal")
    if calories is None:
        kilojoules = _first_known(read("energy-kj"), read("energy"))
        calories = None if kilojoules is None else kilojoules / KJ_PER_KCAL
    sodium_g, salt_g = read("sodium"), read("salt")
    if sodium_g is None and salt_g is not None:
        sodium_g = salt_g / SALT_PER_SODIUM
    found = Nutrients.of(
        calories=calories,
        protein=read("proteins"),
        carbs=read("carbohydrates"),
        fat=read("fat"),
        fiber=read("fiber"),
        sugar=read("sugars"),
        sodium=None if sodium_g is None else sodium_g * MG_PER_G,
    )
    return found if _says_something(found) and _is_possible(found) else None


def _says_something(found: Nutrients) -> bool:
    return any(value is not None for value in (found.calories, found.protein, found.carbs, found.fat))


def _is_possible(found: Nutrients) -> bool:
    grams = (found.protein or 0) + (found.carbs or 0) + (found.fat or 0)
    return (found.calories or 0) <= MOST_KCAL and grams <= MOST_GRAMS


def _first_known(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _number(value: object) -> float | None:
    """A number, or a text that is one ("3.5"); anything else is unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _brand(value: object) -> str | None:
    """The first of the brands: a text with commas in one form of the service, a list in another."""
    first = value[0] if isinstance(value, list) and value else value
    return _text(first.partition(",")[0]) if isinstance(first, str) else None


def _date(value: object) -> str | None:
    seconds = _number(value)
    if seconds is None or seconds > datetime.max.replace(tzinfo=UTC).timestamp():
        return None
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
