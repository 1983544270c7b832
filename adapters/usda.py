"""USDA FoodData Central, version 1: nutrients of foods by name. Its data are in the public domain (CC0)."""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from adapters import per_100ml
from adapters.food_answers import number, readable, text
from adapters.json_api import JsonApi
from adapters.resilience import Resilience
from ledger import (
    CarbohydrateBasis,
    FoodRecord,
    NutrientSource,
    SourceNutrients,
    plausible,
    without_alike,
)

PAGE_SIZE = 50
MOST_DIGITS = 18
MOST_BYTES = 4_000_000
"""A page of 50 foods has some 500 kB."""
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
ALCOHOL = (1018,)

# Of one id each, in the units of `Nutrients`; vitamin A in retinol activity equivalents.
OPTIONAL = {
    "saturated_fat": 1258,
    "cholesterol": 1253,
    "potassium": 1092,
    "calcium": 1087,
    "iron": 1089,
    "magnesium": 1090,
    "vitamin_a": 1106,
    "vitamin_c": 1162,
    "vitamin_d": 1114,
    "vitamin_b12": 1178,
}

# The older numbers of the same nutrients, for rows without an id.
ID_OF_NUMBER = {
    "203": 1003,
    "204": 1004,
    "205": 1005,
    "205.2": 1050,
    "208": 1008,
    "221": 1018,
    "268": 1062,
    "269": 2000,
    "269.3": 1063,
    "291": 1079,
    "293": 2033,
    "301": 1087,
    "303": 1089,
    "304": 1090,
    "306": 1092,
    "307": 1093,
    "320": 1106,
    "328": 1114,
    "401": 1162,
    "418": 1178,
    "601": 1253,
    "606": 1258,
    "957": 2047,
    "958": 2048,
}

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
        self._api = JsonApi(resilience, {"X-Api-Key": api_key}, most_bytes=MOST_BYTES)
        self._service = resilience.service

    async def search(self, name: str) -> Sequence[FoodRecord]:
        """The generic foods that the database offers for the name; with the branded ones, where none has all its words.

        The service's search takes any word for a hit. Not all types in one search: brands are so many that they crowd
        every generic food out of the first page.
        """
        words = " ".join(_OPERATORS.sub(" ", name).split())
        if not words:
            return ()
        generic = await self._search(words, GENERIC_TYPES)
        said = words.lower().split()
        if any(all(word in record.name.lower() for word in said) for record in generic):
            return generic
        return (*generic, *without_alike(await self._search(words, BRANDED_TYPES), name))

    async def _search(self, words: str, data_types: Sequence[str]) -> Sequence[FoodRecord]:
        # POST, since only a JSON array names several types in a way that the service takes for certain.
        body = {"query": words, "dataType": list(data_types), "pageSize": PAGE_SIZE}
        answer = await self._api.post(self._search_url, body, _SearchAnswer)
        return readable(self._service, answer.foods, _record)

    @property
    def misconfiguration(self) -> str | None:
        """What only the operator can mend, in a sentence; None while the service takes our requests."""
        return self._api.misconfiguration

    async def aclose(self) -> None:
        await self._api.aclose()


class _SearchAnswer(Struct, frozen=True):
    foods: list[object]


def _record(food: Mapping[str, object]) -> FoodRecord | None:
    """The food, or None where it has no id, no description, or no nutrients that can be."""
    fdc_id, name = _id(food.get("fdcId")), text(food.get("description"))
    rows = food.get("foodNutrients")
    if fdc_id is None or name is None or not isinstance(rows, list):
        return None
    data_type = text(food.get("dataType"))
    given, remarks = per_100ml.per_100g_or_said(
        _source_nutrients(rows),
        serving=_serving(food),
        is_liquid=data_type in BRANDED_TYPES and _is_liquid(food),
    )
    found = plausible(
        given,
        food=f"{name} {text(food.get('foodCategory')) or ''}",
        basis=CarbohydrateBasis.WITH_FIBER,
    )
    if found is None:
        return None
    return FoodRecord(
        source=NutrientSource.USDA,
        source_id=fdc_id,
        name=name,
        data_type=data_type,
        brand=text(food.get("brandName")) or text(food.get("brandOwner")),
        published=text(food.get("publishedDate")),
        per_100g=found.per_100g,
        carbohydrate=CarbohydrateBasis.WITH_FIBER,
        remarks=(*remarks, *found.remarks),
    )


def _id(value: object) -> str | None:
    """An id, which is a number or a text of digits."""
    digits = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return digits if digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS else None


def _is_liquid(food: Mapping[str, object]) -> bool:
    """Nutrients of branded foods are per 100 ml where the label's serving is a volume."""
    return (text(food.get("servingSizeUnit")) or "").lower() in ("ml", "mlt", "l")


def _serving(food: Mapping[str, object]) -> str:
    household = text(food.get("householdServingFullText")) or ""
    return f"{food.get('servingSize')} {text(food.get('servingSizeUnit'))} {household}"


def _source_nutrients(rows: Sequence[object]) -> SourceNutrients:
    """Search answers are per 100 g for every type, per 100 ml for branded liquids."""
    known = _known(rows)
    return SourceNutrients(
        kcal=_first(known, ENERGY_KCAL),
        kj=_first(known, ENERGY_KJ),
        protein=_first(known, PROTEIN),
        carbs=_first(known, CARBS),
        fat=_first(known, FAT),
        alcohol=_first(known, ALCOHOL),
        fiber=_first(known, FIBER),
        sugar=_first(known, SUGAR),
        sodium=_first(known, SODIUM_MG),
        optional={name: known.get(nutrient_id) for name, nutrient_id in OPTIONAL.items()},
    )


def _known(rows: Sequence[object]) -> dict[int, float]:
    """The values by nutrient id; a row without id, number or value says nothing."""
    known: dict[int, float] = {}
    for row in rows:
        if isinstance(row, dict):
            nutrient_id, value = _nutrient_id(row), number(row.get("value"))
            if nutrient_id is not None and value is not None:
                known.setdefault(nutrient_id, value)
    return known


def _nutrient_id(row: Mapping[str, object]) -> int | None:
    given = _id(row.get("nutrientId"))
    return int(given) if given is not None else ID_OF_NUMBER.get(str(row.get("nutrientNumber")))


def _first(known: Mapping[int, float], ids: Sequence[int]) -> float | None:
    return next((known[nutrient_id] for nutrient_id in ids if nutrient_id in known), None)
