"""USDA FoodData Central, version 1: nutrients of foods by name. Its data are in the public domain (CC0)."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from adapters.json_api import JsonApi
from adapters.resilience import Resilience
from ledger import KJ_PER_KCAL, FoodRecord, Nutrients, NutrientSource

PAGE_SIZE = 50
GENERIC_TYPES = ("Foundation", "SR Legacy", "Survey (FNDDS)")
BRANDED_TYPES = ("Branded",)


# Nutrient ids of FoodData Central, the better one first. Energy: as given, Atwater specific, Atwater general.
# Carbohydrate: by difference, by summation. Fibre: total dietary, AOAC 2011.25. Sugars: total, NLEA.
ENERGY_KCAL = (1008, 2048, 2047)
ENERGY_KJ = (1062,)
PROTEIN = (1003,)
CARBS = (1005, 1050)
FAT = (1004,)
FIBER = (1079, 2033)
SUGAR = (2000, 1063)
SODIUM_MG = (1093,)

# What the search engine reads as an operator: a name is words and nothing else.
_OPERATORS = re.compile(r'[+!(){}\[\]^"~*?:\\/|<>=]|(?<!\w)-')


class UsdaDatabase:
    """The `NutrientDatabase` of USDA.

    `base_url` is the address above `/foods/search`, as https://api.nal.usda.gov/fdc/v1. The key goes in a header, so
    that no log of addresses holds it.
    """

    source = NutrientSource.USDA

    def __init__(self, *, base_url: str, api_key: str, resilience: Resilience) -> None:
        self._search_url = base_url.rstrip("/") + "/foods/search"
        self._api = JsonApi(resilience, {"X-Api-Key": api_key})

    async def search(self, name: str) -> Sequence[FoodRecord]:
        """The generic foods that the database offers for the name; the branded ones when it has no generic food.

        Not all types in one search: brands are so many that they crowd every generic food out of the first page.
        """
        words = " ".join(_OPERATORS.sub(" ", name).split())
        if not words:
            return ()
        return await self._search(words, GENERIC_TYPES) or await self._search(words, BRANDED_TYPES)

    async def _search(self, words: str, data_types: Sequence[str]) -> Sequence[FoodRecord]:
        # POST, since only a JSON array names several types in a way that the service takes for certain.
        body = {"query": words, "dataType": list(data_types), "pageSize": PAGE_SIZE}
        answer = await self._api.post(self._search_url, body, _SearchAnswer)
        return tuple(_record(food) for food in answer.foods) if answer is not None else ()

    async def aclose(self) -> None:
        await self._api.aclose()


class _FoodNutrient(Struct, frozen=True, rename="camel"):
    nutrient_id: int | None = None
    value: float | None = None


class _Food(Struct, frozen=True, rename="camel"):
    fdc_id: int
    description: str
    data_type: str | None = None
    published_date: str | None = None
    brand_name: str | None = None
    brand_owner: str | None = None
    food_nutrients: tuple[_FoodNutrient, ...] = ()


class _SearchAnswer(Struct, frozen=True):
    foods: tuple[_Food, ...]


def _record(food: _Food) -> FoodRecord:
    return FoodRecord(
        source=NutrientSource.USDA,
        source_id=str(food.fdc_id),
        name=food.description,
        data_type=food.data_type,
        brand=food.brand_name or food.brand_owner or None,
        published=food.published_date,
        per_100g=_per_100g(food.food_nutrients),
    )


def _per_100g(rows: Sequence[_FoodNutrient]) -> Nutrients:
    """Search answers are per 100 g for every type (per 100 ml for branded liquids, taken as 100 g)."""
    known = {
        row.nutrient_id: row.value for row in rows if row.nutrient_id is not None and row.value is not None
    }
    kilojoules = _first(known, ENERGY_KJ)
    calories = _first(known, ENERGY_KCAL)
    if calories is None and kilojoules is not None:
        calories = kilojoules / KJ_PER_KCAL
    return Nutrients.of(
        calories=calories,
        protein=_first(known, PROTEIN),
        carbs=_first(known, CARBS),
        fat=_first(known, FAT),
        fiber=_first(known, FIBER),
        sugar=_first(known, SUGAR),
        sodium=_first(known, SODIUM_MG),
    )


def _first(known: Mapping[int, float], ids: Sequence[int]) -> float | None:
    return next((known[nutrient_id] for nutrient_id in ids if nutrient_id in known), None)
