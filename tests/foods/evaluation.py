"""How well foods are matched over a list of labelled names: `make foods`."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from adapters.food_table import FoodTable
from ledger import FoodState, RecognizedFood
from ledger.food_matching import Match, best_match

LABELLED = Path(__file__).with_name("labelled_foods.csv")
FURTHER = tuple(
    Path(__file__).with_name(f"{number}_list.csv") for number in ("second", "third", "fourth", "fifth")
)
"""Lists by other hands, each judged unseen before its misses were looked at."""


@dataclass(frozen=True)
class LabelledFood:
    """A name, and the ranges of kcal and g of protein per 100 g of a sensible record; none: no record is right."""

    name: str
    state: FoodState | None
    calories: tuple[float, float] | None
    protein: tuple[float, float] | None


class Verdict(StrEnum):
    """What became of a name. A wrong record with a warning is no silent mistake, and no success either."""

    SENSIBLE = "sensible"
    WARNED = "another food, with a warning"
    NONE = "no match"
    WRONG = "another food"


@dataclass(frozen=True)
class Judged:
    food: LabelledFood
    match: Match | None
    verdict: Verdict


def labelled_foods(path: Path = LABELLED) -> Iterator[LabelledFood]:
    """The foods of a list; lines that begin with # say what it is."""
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(line for line in lines if not line.startswith("#")):
            yield LabelledFood(
                name=row["name"],
                state=FoodState(row["state"]) if row["state"] else None,
                calories=_range(row, "kcal"),
                protein=_range(row, "protein"),
            )


def _range(row: dict[str, str], name: str) -> tuple[float, float] | None:
    low, high = row[f"{name}_min"], row[f"{name}_max"]
    return (float(low), float(high)) if low else None


def judge(table: FoodTable, food: LabelledFood) -> Judged:
    """Match one food in the table, and judge the record."""
    recognized = RecognizedFood(name=food.name, grams=100.0, state=food.state, confidence=None)
    match = best_match(recognized, table.find(food.name))
    return Judged(food, match, _verdict(food, match))


def _verdict(food: LabelledFood, match: Match | None) -> Verdict:
    if match is None:
        return Verdict.SENSIBLE if food.calories is None else Verdict.NONE
    if food.calories is not None and food.protein is not None:
        known = match.record.per_100g
        if _within(known.calories, food.calories) and _within(known.protein, food.protein):
            return Verdict.SENSIBLE
    return Verdict.WARNED if match.uncertain else Verdict.WRONG


def _within(value: float | None, bounds: tuple[float, float]) -> bool:
    return value is None or bounds[0] <= value <= bounds[1]


def report(judged: Sequence[Judged]) -> Iterator[str]:
    """The figures, and each name that was not matched sensibly."""
    counts = Counter(one.verdict for one in judged)
    for verdict in Verdict:
        yield f"{counts[verdict]:5} {counts[verdict] / len(judged):6.1%}  {verdict}"
    warned = sum(one.match is not None and one.match.uncertain for one in judged)
    yield f"{warned:5} {warned / len(judged):6.1%}  of all carry a warning"
    for one in judged:
        if one.verdict is not Verdict.SENSIBLE:
            found = (
                f"{one.match.record.name} ({one.match.record.per_100g.calories} kcal)" if one.match else "-"
            )
            yield f"      {one.food.name}: {one.verdict}: {found}"
