"""Selects, among the records that a nutrient database offers, the one that is the food on the plate.

The head noun decides: "apple" matches neither rose-apple nor apple juice nor apple strudel. A record must have the
words of the query and no word that makes another food of it. No match is better than a wrong one.
"""

from collections.abc import Sequence

from msgspec import Struct

from ledger.food_matching.names import FoodQuery, ParsedName, food_queries, is_number, parsed_names, words_of
from ledger.food_matching.vocabulary import (
    ADJECTIVES,
    CHANGED,
    CLASSES,
    COLOURS,
    COOKED,
    DISHES,
    EATEN_COOKED,
    EGG_PARTS,
    INCIDENTAL,
    MEATS,
    OFTEN_DRIED,
    ORGANS,
    PLAIN,
    PULSES,
    RAW,
    SWELLING,
    SWELLING_FORMS,
)
from ledger.ports import FoodRecord, RecognizedFood
from ledger.values import FoodState, NutrientSource

_CRUMBED = frozenset({"battered", "breaded", "fried"})
_GENERIC_TYPES = ("Foundation", "SR Legacy", "Survey")

_OTHER_STATE = 2

# The cost of each difference, and its deduction from the confidence.
_COLOUR_COST, _WORD_COST, _JOINED_COST = 1, 2, 3
_PER_COST, _PER_MISSING, _PER_STATE, _FOR_BRAND, _LEAST = 0.03, 0.1, 0.1, 0.1, 0.2


class Match(Struct, frozen=True, kw_only=True):
    """The matching record, and the confidence in the match, from 0 to 1."""

    record: FoodRecord
    confidence: float


class _Fit(Struct, frozen=True, order=True):
    """The distance of a record from the query; the least is best.

    Compared in this order: energy unknown; branded; state other than the food's; optional words missing; surplus
    words; kind of data; id.
    """

    without_energy: bool
    branded: bool
    state: int
    missing: int
    cost: int
    data_type: int
    source_id: tuple[int, str]


def best_match(food: RecognizedFood, records: Sequence[FoodRecord]) -> Match | None:
    """The record of the food, or None when none of them is. The order of the records does not matter.

    Generic records come before branded ones, then records in the state that the model gave, then records with the
    fewest surplus qualifiers. A food of 0 kcal matches like any other; a record of unknown energy comes last.
    """
    queries = food_queries(food.name)
    fits = [(fit, record) for record in records if (fit := _best_fit(food, queries, record)) is not None]
    if not fits:
        return None
    fit, record = min(fits, key=lambda found: found[0])
    return Match(record=record, confidence=_confidence(fit))


def _best_fit(food: RecognizedFood, queries: Sequence[FoodQuery], record: FoodRecord) -> _Fit | None:
    brand = words_of(record.brand or "")
    fits = (
        _fit(food, query, parsed, record, brand) for query in queries for parsed in parsed_names(record.name)
    )
    return min((fit for fit in fits if fit is not None), default=None)


def _fit(
    food: RecognizedFood, query: FoodQuery, parsed: ParsedName, record: FoodRecord, brand: frozenset[str]
) -> _Fit | None:
    own = frozenset({parsed.head, *parsed.before, *parsed.joined, *parsed.after})
    known = own | parsed.aside | brand
    if query.head != parsed.head or not _has_all(query.required, known):
        return None
    cost = _cost(query, parsed, brand)
    branded = _is_branded(record)
    state = _state_distance(food, query, own, branded=branded)
    if cost is None or state is None:
        return None
    if "canned" in own and "canned" not in query.required:
        state = _OTHER_STATE
    return _Fit(
        without_energy=record.per_100g.calories is None,
        branded=branded,
        state=state,
        missing=len(query.optional - known),
        cost=cost,
        data_type=_data_type_rank(record.data_type or ""),
        source_id=_id_order(record.source_id),
    )


def _has_all(required: frozenset[str], known: frozenset[str]) -> bool:
    missing = required - known
    return not missing or (missing == {"fried"} and "panfried" in known)


def _cost(query: FoodQuery, parsed: ParsedName, brand: frozenset[str]) -> int | None:
    """The cost of the record's surplus words; None when they make another food of it."""
    asked = query.required | query.optional | brand
    cost = 0
    for word in parsed.before:
        if word in asked or word in PLAIN or word in ADJECTIVES or is_number(word):
            continue
        if word not in COLOURS:
            return None
        cost += _COLOUR_COST
    bare = not query.required
    joined = [word for word in parsed.joined if word not in asked and word not in INCIDENTAL]
    if joined and bare and query.head not in DISHES:
        return None
    more = [word for word in parsed.after if not (word in asked or word in INCIDENTAL or is_number(word))]
    if any(_makes_another_food(word, query, parsed) for word in more):
        return None
    if more and bare and query.head in CLASSES:
        return None
    return cost + _JOINED_COST * len(joined) + sum(map(_word_cost, more))


def _word_cost(word: str) -> int:
    return _COLOUR_COST if word in COLOURS else _WORD_COST


def _makes_another_food(word: str, query: FoodQuery, parsed: ParsedName) -> bool:
    if word in ORGANS:
        return query.head in MEATS
    if word in EGG_PARTS and query.head == "egg":
        return True
    if word not in CHANGED:
        return False
    if word in SWELLING_FORMS and (_swells(query, parsed) or parsed.category in OFTEN_DRIED):
        return False
    return not (word in _CRUMBED and query.required & _CRUMBED)


def _swells(query: FoodQuery, parsed: ParsedName) -> bool:
    ripe = {"matured", "dry", "dried"}
    return query.head in SWELLING or (query.head in PULSES and not ripe.isdisjoint(parsed.after))


def _state_distance(
    food: RecognizedFood, query: FoodQuery, own: frozenset[str], *, branded: bool
) -> int | None:
    """0 where the record is in the food's state, 1 where it gives no state, 2 where it is in the other.

    Rice, pasta and pulses weigh two to three times as much cooked as dry: for them the other state is no match, and a
    branded record without a state is dry.
    """
    asked = food.state or _state_of(query.optional | query.required)
    if asked is None and query.head in EATEN_COOKED:
        asked = FoodState.COOKED
    if asked is None:
        return 0
    told = _state_of(own)
    swells = query.head in SWELLING or (query.head in PULSES and ("matured" in own or branded))
    if told is None:
        return None if swells and branded and asked is FoodState.COOKED else 1
    if told is asked:
        return 0
    return None if swells else _OTHER_STATE


def _state_of(words: frozenset[str]) -> FoodState | None:
    if words & RAW:
        return FoodState.RAW
    return FoodState.COOKED if words & (COOKED | _CRUMBED) else None


def _is_branded(record: FoodRecord) -> bool:
    return (
        record.brand is not None
        or record.source is NutrientSource.OPENFOODFACTS
        or (record.data_type or "").startswith("Branded")
    )


def _data_type_rank(data_type: str) -> int:
    """By what the type starts with, since a copy of the database may add words of its own."""
    ranks = (rank for rank, name in enumerate(_GENERIC_TYPES) if data_type.startswith(name))
    return next(ranks, len(_GENERIC_TYPES))


def _id_order(source_id: str) -> tuple[int, str]:
    """Ids of digits by their number."""
    return (int(source_id) if source_id.isdecimal() and source_id.isascii() else -1, source_id)


def _confidence(fit: _Fit) -> float:
    lost = (
        _PER_COST * fit.cost + _PER_MISSING * fit.missing + _PER_STATE * fit.state + _FOR_BRAND * fit.branded
    )
    return round(max(_LEAST, 1 - lost), 2)
