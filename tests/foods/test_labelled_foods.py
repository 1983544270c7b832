"""The figures of the matching over the food table, held where they are."""

from collections import Counter
from pathlib import Path

import pytest

from adapters.food_table import FoodTable
from tests.foods.evaluation import FURTHER, Judged, Verdict, judge, labelled_foods, report


@pytest.fixture(scope="module")
def table() -> FoodTable:
    return FoodTable()


@pytest.fixture(scope="module")
def judged(table: FoodTable) -> list[Judged]:
    return [judge(table, food) for food in labelled_foods()]


def test_nearly_every_name_finds_a_sensible_record(judged: list[Judged]) -> None:
    counts = Counter(one.verdict for one in judged)
    assert counts[Verdict.SENSIBLE] / len(judged) >= 0.985, "\n".join(report(judged))


def test_no_name_silently_finds_another_food(judged: list[Judged]) -> None:
    assert [one.food.name for one in judged if one.verdict is Verdict.WRONG] == []


def test_what_is_no_food_is_not_matched(judged: list[Judged]) -> None:
    assert [one.food.name for one in judged if one.food.calories is None and one.match] == []


def test_few_names_carry_a_warning(judged: list[Judged]) -> None:
    assert sum(one.match is not None and one.match.uncertain for one in judged) / len(judged) <= 0.2


@pytest.mark.parametrize("path", FURTHER, ids=lambda path: path.stem)
def test_the_further_lists_keep_their_figures(table: FoodTable, path: Path) -> None:
    judged = [judge(table, food) for food in labelled_foods(path)]
    counts = Counter(one.verdict for one in judged)
    assert counts[Verdict.SENSIBLE] / len(judged) >= 0.935, "\n".join(report(judged))
    assert counts[Verdict.WRONG] / len(judged) <= 0.0125, "\n".join(report(judged))
