"""Selects, among the records that nutrient databases offer, the one that is the food on the plate."""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec import Struct

from ledger.food_matching.names import FoodName, asked, offered
from ledger.food_matching.scoring import score
from ledger.ports import FoodRecord, RecognizedFood

_LEAST = 0.4
_SURE = 0.65
_NEAR = 0.03
_MOST_RIVALS = 30
_MOST_ALTERNATIVES = 3
_OTHER_ENERGY = 1.25


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
    found: list[Candidate] = []
    for record in records:
        parsed = _parsed(record.name, record.other_names, record.brand, record.group or "")
        if parsed is None:
            continue
        best = max(
            (score(name, food.state, parsed) for name in names), key=lambda fit: fit.value, default=None
        )
        if best is not None and best.has_head and record.per_100g.calories is not None:
            found.append(Candidate(record=record, score=round(best.value, 4)))
    found.sort(key=lambda candidate: (-candidate.score, candidate.record.name, candidate.record.source_id))
    return found


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
    near = [rival for rival in others if rival.score >= rivals[0].score - _NEAR]
    uncertain = best.score < _SURE or any(
        _distance(rival.record, _energy(best.record)) > math.log(_OTHER_ENERGY) for rival in near
    )
    return Match(
        record=best.record,
        confidence=round(min(1.0, max(0.05, best.score)), 2),
        uncertain=uncertain,
        alternatives=_alternatives(best, others) if uncertain else (),
    )


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
    for energy, weight in weighted:
        half -= weight
        if half <= 0:
            return energy
    return weighted[-1][0]


def _alternatives(best: Candidate, others: Sequence[Candidate]) -> tuple[FoodRecord, ...]:
    """The next best records, none like another: a person chooses between foods, not between rows of a table."""
    chosen: list[FoodRecord] = []
    for rival in others:
        if all(_distance(rival.record, _energy(record)) > 0.1 for record in (best.record, *chosen)):
            chosen.append(rival.record)
    return tuple(chosen[:_MOST_ALTERNATIVES])
