"""Food search as FoodData Central does it: any word of the query matches, foods with more of them come first."""

import json
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from starlette.datastructures import QueryParams

from ops.stand_ins.stemming import stems
from ops.stand_ins.usda_foods import DataType, UsdaFood, load_usda_foods

_MAX_PAGE_SIZE = 200
_DEFAULT_PAGE_SIZE = 50
_KNOWN = frozenset({"query", "dataType", "pageSize", "pageNumber", "requireAllWords", "api_key", "format"})


class BadSearch(ValueError):
    """The search cannot be read; the message says which part."""


@dataclass(frozen=True, slots=True)
class FoodSearch:
    """A search. No data types: all of them. Pages count from 1."""

    query: str
    data_types: tuple[DataType, ...] = ()
    page_size: int = _DEFAULT_PAGE_SIZE
    page_number: int = 1
    require_all_words: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    food: UsdaFood
    score: float


class FoodIndex:
    """The foods by the stems of the words in their descriptions and common names."""

    def __init__(self, foods: Sequence[UsdaFood]) -> None:
        self._foods = foods
        self._lengths: list[int] = []
        self._places: dict[str, array[int]] = {}
        for place, food in enumerate(foods):
            described = stems(food.description)
            self._lengths.append(len(described) or 1)
            for word in {*described, *stems(food.common_names)}:
                self._places.setdefault(word, array("I")).append(place)

    def __contains__(self, word: object) -> bool:
        """Whether a food is called by a word of that stem."""
        return word in self._places

    def search(self, search: FoodSearch) -> list[Hit]:
        """All hits, best first: the share of the query found, then how little else the description says.

        This puts "Rose-apples, raw" before "Apples, raw, with skin (Includes foods for …)", as the real search does.
        """
        wanted = set(stems(search.query))
        shared = Counter(place for word in wanted for place in self._places.get(word, ()))
        hits = []
        for place, found in shared.items():
            food = self._foods[place]
            if search.require_all_words and found < len(wanted):
                continue
            if search.data_types and food.data_type not in search.data_types:
                continue
            score = 1000 * found / len(wanted) + 100 * min(found / self._lengths[place], 1)
            hits.append(Hit(food, round(score, 4)))
        return sorted(hits, key=lambda hit: (-hit.score, hit.food.fdc_id))


@cache
def local_index() -> FoodIndex:
    """The index of all local USDA foods."""
    return FoodIndex(load_usda_foods())


def search_of_body(body: bytes) -> FoodSearch:
    """The search that a POST asks for. Raises BadSearch, as for a `dataType` that is not an array."""
    try:
        asked: object = json.loads(body)
    except ValueError as error:
        raise BadSearch("the body is not JSON") from error
    if not isinstance(asked, dict):
        raise BadSearch("the body is not a JSON object")
    types = asked.get("dataType", [])
    if not isinstance(types, list):
        raise BadSearch("dataType must be an array")
    return _search(asked, [str(name) for name in types])


def search_of_query(parameters: QueryParams) -> FoodSearch:
    """The search that a GET asks for; `dataType` may be repeated or joined by commas. Raises BadSearch."""
    types = [name for joined in parameters.getlist("dataType") for name in joined.split(",") if name]
    return _search(dict(parameters), types)


def _search(asked: Mapping[str, object], types: Sequence[str]) -> FoodSearch:
    query = asked.get("query")
    if not isinstance(query, str) or not query.strip():
        raise BadSearch("query is required")
    unknown = sorted(set(asked) - _KNOWN)
    if unknown:
        raise BadSearch(f"the local table does not know {', '.join(unknown)}")
    try:
        data_types = tuple(DataType(name) for name in types)
    except ValueError as error:
        raise BadSearch(str(error)) from error
    return FoodSearch(
        query=query,
        data_types=data_types,
        page_size=_whole(asked, "pageSize", _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE),
        page_number=_whole(asked, "pageNumber", 1, 1_000_000),
        require_all_words=str(asked.get("requireAllWords", "")).lower() == "true",
    )


def _whole(asked: Mapping[str, object], name: str, default: int, most: int) -> int:
    try:
        value = int(str(asked.get(name, default)))
    except ValueError as error:
        raise BadSearch(f"{name} must be a whole number") from error
    if not 1 <= value <= most:
        raise BadSearch(f"{name} must lie between 1 and {most}")
    return value
