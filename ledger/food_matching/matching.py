"""Selects, among the records that nutrient databases offer, the one that is the food on the plate."""

import math
from collections.abc import Iterable, Sequence, Set
from functools import lru_cache
from itertools import accumulate

from msgspec import Struct

from ledger.food_matching.lexicon import STOP
from ledger.food_matching.names import MAX_NAME, FoodName, asked, offered, own_name, understood
from ledger.food_matching.record_names import record_name
from ledger.food_matching.scoring import Fit, fit
from ledger.food_matching.words import canonical
from ledger.ports import FoodRecord, RecognizedFood

_LEAST = 0.4
_LAST_RESORT = 0.25
_SURE = 0.71
_NEAR = 0.03
_KNOWN = 1.0
_GUESSED = 0.7
_MOST_RIVALS = 30
_MOST_ALTERNATIVES = 3
_OTHER_ENERGY = 1.25
_OTHERS_THAT_MATTER = 0.2


class Match(Struct, frozen=True, kw_only=True):
    """The matching record, and the confidence in the match, from 0 to 1.

    `uncertain`: the record may be another food. `alternatives` are then the next best, at most three.
    """

    record: FoodRecord
    confidence: float
    uncertain: bool = False
    alternatives: tuple[FoodRecord, ...] = ()

    @property
    def says_the_food(self) -> bool:
        """Whether the record's name is the food's; records may still differ in what the food's name leaves open."""
        return self.confidence >= _SURE


class Candidate(Struct, frozen=True, kw_only=True):
    """A record and its score, at most about 1. `is_named`: the food's name is known to mean this record."""

    record: FoodRecord
    score: float
    is_named: bool = False


def candidates(food: RecognizedFood, records: Iterable[FoodRecord]) -> list[Candidate]:
    """The records that may be the food, best first. The order of the records does not matter.

    When none of them is, the name is tried without the words that no record has.
    """
    parsed_records = [
        (record, parsed)
        for record in records
        if record.per_100g.calories is not None and (parsed := _parsed_record(record)) is not None
    ]
    names, own = asked(food.name), own_name(food.name)
    rivals = _rivals(food, names, own, parsed_records)
    if not any(rival.score >= _LEAST for rival in rivals):
        vocabulary = frozenset[str]().union(*(parsed.every for _, parsed in parsed_records))
        rivals = _rivals(food, _understood(names, vocabulary), _understood(own, vocabulary), parsed_records)
    return rivals


def _rivals(
    food: RecognizedFood,
    names: Sequence[FoodName],
    own: Sequence[FoodName],
    parsed_records: Iterable[tuple[FoodRecord, FoodName]],
) -> list[Candidate]:
    said = frozenset(canonical(food.name[:MAX_NAME])) - STOP
    known = record_name(food.name)
    rivals: list[Candidate] = []
    for record, parsed in parsed_records:
        # Products do not have the tables' names.
        fits = [one.score for one in _fits(food, (*names, *own) if parsed.brand else names, parsed)]
        if names and parsed.every == said and not (parsed.absent or parsed.joined):
            fits.append(1.0)  # word for word
        is_known = known is not None and record.name == known.record and _agree(food, parsed)
        is_named = is_known and known is not None and known.is_whole
        if is_named and known is not None:
            fits = [_KNOWN if known.is_same else _GUESSED]
        elif is_known:
            fits.append(_GUESSED)
        if fits:
            rivals.append(Candidate(record=record, score=round(max(fits), 4), is_named=is_named))
    rivals.sort(
        key=lambda rival: (not rival.is_named, -rival.score, rival.record.name, rival.record.source_id)
    )
    return rivals


def _agree(food: RecognizedFood, record: FoodName) -> bool:
    return food.state is None or record.state is None or food.state is record.state


def explain(food: RecognizedFood, record: FoodRecord) -> tuple[Fit, ...]:
    """How the record fits each of the names under which the food is looked for, the best first."""
    parsed = _parsed_record(record)
    if parsed is None:
        return ()
    names = dict.fromkeys((*asked(food.name), *own_name(food.name)))
    return tuple(sorted(_fits(food, names, parsed), key=lambda one: -one.score))


def _fits(food: RecognizedFood, names: Iterable[FoodName], parsed: FoodName) -> list[Fit]:
    return [found for name in names if (found := fit(name, food.state, parsed)) is not None]


def _understood(names: Iterable[FoodName], vocabulary: Set[str]) -> list[FoodName]:
    return [known for name in names if (known := understood(name, vocabulary)) is not None]


def _parsed_record(record: FoodRecord) -> FoodName | None:
    return _parsed(record.name, record.other_names, record.brand, record.group or "")


@lru_cache(maxsize=8192)
def _parsed(name: str, other_names: tuple[str, ...], brand: str | None, kind: str) -> FoodName | None:
    return offered(name, other_names, brand, kind)


def best_match(food: RecognizedFood, records: Sequence[FoodRecord]) -> Match | None:
    """The record of the food, or None when none of them is. The order of the records does not matter."""
    found = candidates(food, records)
    least = _LEAST if found and found[0].score >= _LEAST else _LAST_RESORT
    rivals = [rival for rival in found if rival.score >= least][:_MOST_RIVALS]
    if not rivals:
        return None
    if rivals[0].is_named:
        return _match(rivals[0], rivals[1:], uncertain=rivals[0].score < _SURE)
    usual = _weighted_median_energy(rivals)
    best = min(
        rivals, key=lambda rival: (rivals[0].score - rival.score) * 15 + _distance(rival.record, usual)
    )
    others = [rival for rival in rivals if rival is not best]
    near = [rival for rival in rivals if rival.score >= rivals[0].score - _NEAR]
    other = [
        rival for rival in near if _distance(rival.record, _energy(best.record)) > math.log(_OTHER_ENERGY)
    ]
    uncertain = best.score < _SURE or len(other) >= _OTHERS_THAT_MATTER * len(near)
    return _match(best, others, uncertain=uncertain)


def _match(best: Candidate, others: Sequence[Candidate], *, uncertain: bool) -> Match:
    return Match(
        record=best.record,
        confidence=_confidence(best),
        uncertain=uncertain,
        alternatives=_alternatives(best, others) if uncertain else (),
    )


def chosen_match(candidate: Candidate) -> Match:
    """The match with a candidate that a chooser took."""
    return Match(record=candidate.record, confidence=_confidence(candidate))


def _confidence(candidate: Candidate) -> float:
    return round(min(1.0, max(0.05, candidate.score)), 2)


def _energy(record: FoodRecord) -> float:
    """Energy per 100 g, so that foods almost without any do not differ."""
    return 20.0 + (record.per_100g.calories or 0.0)


def _distance(record: FoodRecord, energy: float) -> float:
    return abs(math.log(_energy(record) / energy))


def _weighted_median_energy(rivals: Sequence[Candidate]) -> float:
    """The energy that the best candidates agree on; each counts the less, the further behind the best it is."""
    weighted = sorted(
        (_energy(rival.record), math.exp((rival.score - rivals[0].score) / 0.03)) for rival in rivals
    )
    half = sum(weight for _, weight in weighted) / 2
    sums = accumulate(weight for _, weight in weighted)
    return next(energy for (energy, _), so_far in zip(weighted, sums, strict=True) if so_far >= half)


def _alternatives(best: Candidate, others: Sequence[Candidate]) -> tuple[FoodRecord, ...]:
    """The next best records, none like another: a person chooses between foods, not between rows of a table."""
    chosen: list[FoodRecord] = []
    for rival in others:
        if all(_distance(rival.record, _energy(record)) > 0.1 for record in (best.record, *chosen)):
            chosen.append(rival.record)
    return tuple(chosen[:_MOST_ALTERNATIVES])
