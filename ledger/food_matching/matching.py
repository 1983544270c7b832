"""Selects, among the records that nutrient databases offer, the one that is the food on the plate."""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate

from msgspec import Struct

from ledger.food_matching.lexicon import STOP
from ledger.food_matching.names import MAX_NAME, FoodName, asked, offered, own_name
from ledger.food_matching.scoring import Fit, fit
from ledger.food_matching.words import canonical
from ledger.ports import FoodRecord, RecognizedFood

_LEAST = 0.4
_SURE = 0.71
_NEAR = 0.03
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
    """A record and its score, at most about 1."""

    record: FoodRecord
    score: float


def candidates(food: RecognizedFood, records: Iterable[FoodRecord]) -> list[Candidate]:
    """The records that may be the food, best first. The order of the records does not matter."""
    names = asked(food.name)
    own = (*names, *own_name(food.name))  # products do not have the tables' names
    said = frozenset(canonical(food.name[:MAX_NAME])) - STOP
    rivals: list[Candidate] = []
    for record in records:
        parsed = _parsed(record.name, record.other_names, record.brand, record.group or "")
        if parsed is None or record.per_100g.calories is None:
            continue
        fits = [one.score for one in _fits(food, own if parsed.brand else names, parsed)]
        if names and parsed.every == said and not (parsed.absent or parsed.joined):
            fits.append(1.0)  # word for word
        if fits:
            rivals.append(Candidate(record=record, score=round(max(fits), 4)))
    rivals.sort(key=lambda candidate: (-candidate.score, candidate.record.name, candidate.record.source_id))
    return rivals


def explain(food: RecognizedFood, record: FoodRecord) -> tuple[Fit, ...]:
    """How the record fits each of the names under which the food is looked for, the best first."""
    parsed = _parsed(record.name, record.other_names, record.brand, record.group or "")
    if parsed is None:
        return ()
    names = dict.fromkeys((*asked(food.name), *own_name(food.name)))
    return tuple(sorted(_fits(food, names, parsed), key=lambda one: -one.score))


def _fits(food: RecognizedFood, names: Iterable[FoodName], parsed: FoodName) -> list[Fit]:
    return [found for name in names if (found := fit(name, food.state, parsed)) is not None]


@lru_cache(maxsize=8192)
def _parsed(name: str, other_names: tuple[str, ...], brand: str | None, kind: str) -> FoodName | None:
    return offered(name, other_names, brand, kind)


def best_match(food: RecognizedFood, records: Sequence[FoodRecord]) -> Match | None:
    """The record of the food, or None when none of them is. The order of the records does not matter."""
    rivals = [found for found in candidates(food, records) if found.score >= _LEAST][:_MOST_RIVALS]
    if not rivals:
        return None
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
