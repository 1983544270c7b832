"""The generic foods of USDA as a nutrient database: in memory, found in milliseconds, without a network.

The data are `usda_generic_foods.csv.gz`: the National Nutrient Database for Standard Reference, release 28, the Food
and Nutrient Database for Dietary Studies, and Foundation Foods of early 2026; in the public domain.
"""

import asyncio
import csv
import gzip
import io
import re
from array import array
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

from msgspec import Struct

from ledger import (
    NUTRIENTS,
    OPTIONAL_NUTRIENTS,
    CarbohydrateBasis,
    FoodRecord,
    NutrientSource,
    SourceNutrients,
    plausible,
)
from ledger.food_matching import index_words, query_words, record_name

_MOST_CANDIDATES = 400
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?%")
_COMMODITY_NOTE = "Includes USDA commodity"

_RELEASES = {"SR28": "28", "FNDDS": None, "FOUNDATION": "2026"}
_DATA_TYPES = {"SR28": "SR28", "FNDDS": "FNDDS", "FOUNDATION": "Foundation"}


class TableFood(Struct, frozen=True):
    """One row of the table. `portions` are JSON: [[amount, description, grams of that amount], …]."""

    table: str
    id: str
    description: str
    common_name: str
    manufacturer: str
    scientific_name: str
    group: str
    calories: str
    protein: str
    carbs: str
    fat: str
    fiber: str
    sugar: str
    sodium: str
    saturated_fat: str
    cholesterol: str
    potassium: str
    calcium: str
    iron: str
    magnesium: str
    vitamin_a: str
    vitamin_c: str
    vitamin_d: str
    vitamin_b12: str
    water: str
    portions: str


def load_foods() -> list[TableFood]:
    """Every row, shorter descriptions first: the more general a food, the shorter its description."""
    packed = (files("adapters.food_table") / "usda_generic_foods.csv.gz").read_bytes()
    rows = csv.reader(io.StringIO(gzip.decompress(packed).decode("utf-8")))
    next(rows)
    foods = [TableFood(*row) for row in rows]
    foods.sort(key=lambda food: (len(food.description), food.description, food.table, food.id))
    return foods


class FoodTable:
    """The `NutrientDatabase` of the table. It answers at once, and never fails."""

    source = NutrientSource.USDA

    def __init__(self) -> None:
        self._foods = load_foods()
        self._places = _index(self._foods)
        self._by_description = {food.description: place for place, food in enumerate(self._foods)}
        self._records: dict[int, FoodRecord | None] = {}
        self._thread = ThreadPoolExecutor(1, "food-table")

    async def search(self, name: str) -> Sequence[FoodRecord]:
        """The records that share most words with the name, its synonyms included; at most 400."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.find, name)

    def find(self, name: str) -> Sequence[FoodRecord]:
        """As `search`, at once."""
        found: dict[int, None] = {}
        known = record_name(name)
        if known is not None and known.record in self._by_description:
            found[self._by_description[known.record]] = None
        for words in query_words(name):
            shared: Counter[int] = Counter()
            for word, weight in words.items():
                for place in self._places.get(word, ()):
                    shared[place] += weight
            best = sorted(shared, key=lambda place: (-shared[place], place))
            found.update(dict.fromkeys(best[:_MOST_CANDIDATES]))
        records = (self._record(place) for place in found)
        return tuple(record for record in records if record is not None)

    def _record(self, place: int) -> FoodRecord | None:
        """The row of that place as a record, made when it is first found."""
        if place not in self._records:
            self._records[place] = _record(self._foods[place])
        return self._records[place]


def _index(foods: Sequence[TableFood]) -> dict[str, "array[int]"]:
    """Where each word occurs, in descriptions and common names."""
    occurs: dict[str, array[int]] = {}
    for place, food in enumerate(foods):
        for word in set(_WORD.findall(f"{food.description} {food.common_name}".lower())):
            if word in occurs:
                occurs[word].append(place)
            else:
                occurs[word] = array("I", (place,))
    merged: dict[str, array[int]] = {}
    for word, places in occurs.items():
        for known in index_words(word):
            merged[known] = merged[known] + places if known in merged else places
    return merged


def _record(food: TableFood) -> FoodRecord | None:
    """The row as a record; None when its numbers say nothing or cannot be."""
    found = plausible(
        _given(food), food=f"{food.description} {food.group}", basis=CarbohydrateBasis.WITH_FIBER
    )
    if found is None:
        return None
    return FoodRecord(
        source=NutrientSource.USDA,
        source_id=food.id or food.description,
        name=food.description,
        data_type=_DATA_TYPES[food.table],
        brand=food.manufacturer or None,
        published=None,
        per_100g=found.per_100g,
        remarks=found.remarks,
        other_names=_other_names(food),
        group=food.group or None,
        release=_RELEASES[food.table],
        carbohydrate=CarbohydrateBasis.WITH_FIBER,
    )


def _other_names(food: TableFood) -> tuple[str, ...]:
    """The common names; the notes on the government's food programmes among them are none."""
    return tuple(
        name.strip()
        for name in (food.common_name, food.scientific_name)
        if name.strip() and not name.startswith(_COMMODITY_NOTE)
    )


def _given(food: TableFood) -> SourceNutrients:
    return SourceNutrients(
        kcal=_number(food.calories),
        optional={name: _number(getattr(food, name)) for name in OPTIONAL_NUTRIENTS},
        **{name: _number(getattr(food, name)) for name in NUTRIENTS if name != "calories"},
    )


def _number(field: str) -> float | None:
    return float(field) if field else None
