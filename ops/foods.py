"""The reports of `meal-ledger foods`: which records of the food table a name finds, and why one of them wins."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from adapters.food_table import FoodTable
from ledger import FoodRecord, FoodState, RecognizedFood
from ledger.food_matching import Fit, best_match, candidates, explain, record_name


class FoundFood(Struct, frozen=True, kw_only=True):
    """A record, its score (about 1 at most), and its energy and protein per 100 g."""

    score: float
    name: str
    data_type: str | None
    source_id: str
    calories: float | None
    protein: float | None


class FoodReport(Struct, frozen=True, kw_only=True):
    """What a name finds.

    `fits` are the sums behind the score of the record that won, empty in a search. `known_as` says that the name is
    in the list of names, and of what the record is to it.
    """

    name: str
    state: FoodState | None
    foods: tuple[FoundFood, ...]
    won: FoundFood | None = None
    uncertain: bool = False
    known_as: str | None = None
    fits: tuple[Fit, ...] = ()

    @property
    def found(self) -> bool:
        return bool(self.foods)

    def json(self) -> str:
        """The report as JSON."""
        return msgspec.json.encode(self).decode()

    def lines(self) -> Iterator[str]:
        """The report for people."""
        if not self.foods:
            yield f"Nothing in the food table is {self.name!r}."
            return
        if self.won is not None:
            doubt = ", uncertain: a person is shown the alternatives" if self.uncertain else ""
            yield f"{self.name!r} is {self.won.name!r} ({_amount(self.won.calories)} kcal per 100 g){doubt}."
            if self.known_as is not None:
                yield f"  {self.known_as}"
            for fit in self.fits:
                yield f"  understood as {' '.join(fit.asked)!r}, the food being {fit.head!r}"
                yield f"  {fit.recall:+.3f}  share of the name's words that the record has"
                for reason, cost in fit.costs.items():
                    yield f"  {-cost:+.3f}  {reason}"
            if self.known_as is None:
                yield "Of records that fit almost equally, the one whose energy most of them have is taken:"
        yield "score   kcal  protein  record"
        for food in self.foods:
            numbers = f"{food.score:5.2f} {_amount(food.calories):>6} {_amount(food.protein):>8}"
            yield f"{numbers}  {food.name}  [{food.data_type}]"


def search_report(name: str, state: FoodState | None, limit: int) -> FoodReport:
    """The best candidates for a name, at most `limit`."""
    food = _food(name, state)
    found = candidates(food, FoodTable().find(name))[:limit]
    return FoodReport(name=name, state=state, foods=tuple(_found(one.record, one.score) for one in found))


def explanation(name: str, state: FoodState | None) -> FoodReport:
    """The record that a name gets, how it came to its score, and its rivals."""
    food = _food(name, state)
    records = FoodTable().find(name)
    match = best_match(food, records)
    found = candidates(food, records)[:10]
    if match is None:
        return FoodReport(name=name, state=state, foods=())
    return FoodReport(
        name=name,
        state=state,
        foods=tuple(_found(one.record, one.score) for one in found),
        won=_found(match.record, match.confidence),
        uncertain=match.uncertain,
        known_as=_known_as(name, match.record),
        fits=explain(food, match.record),
    )


def _known_as(name: str, record: FoodRecord) -> str | None:
    known = record_name(name)
    if known is None or known.record != record.name:
        return None
    whole = "the name" if known.is_whole else "a part of the name"
    return f"{whole} is in the list of names: " + (
        "the record is that food" if known.is_same else "the record is the nearest that the table has"
    )


def _food(name: str, state: FoodState | None) -> RecognizedFood:
    return RecognizedFood(name=name, grams=100.0, state=state, confidence=None)


def _found(record: FoodRecord, score: float) -> FoundFood:
    return FoundFood(
        score=score,
        name=record.name,
        data_type=record.data_type,
        source_id=record.source_id,
        calories=record.per_100g.calories,
        protein=record.per_100g.protein,
    )


def _amount(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}"
