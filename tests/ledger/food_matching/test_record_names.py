"""Names of dishes, drinks and products that the table calls otherwise."""

from collections import Counter

import pytest

from adapters.food_table import FoodTable
from adapters.food_table.table import load_foods
from ledger import FoodState, RecognizedFood
from ledger.food_matching import Match, best_match, record_name, record_names


@pytest.fixture(scope="module")
def table() -> FoodTable:
    return FoodTable()


def match(table: FoodTable, name: str, state: FoodState | None = None) -> Match:
    food = RecognizedFood(name=name, grams=100.0, state=state, confidence=None)
    found = best_match(food, table.find(name))
    assert found is not None
    return found


def test_every_name_is_that_of_a_row_of_the_table(table: FoodTable) -> None:
    rows = Counter(food.description for food in load_foods())
    missing = {record for record, _ in record_names().values() if record not in rows}
    assert missing == set()
    assert len(record_names()) > 1000


def test_every_name_finds_its_record(table: FoodTable) -> None:
    wrong = {}
    for name, (record, is_same) in list(record_names().items())[::7]:
        found = match(table, name)
        if found.record.name != record or found.uncertain == is_same:
            wrong[name] = (found.record.name, found.uncertain)
    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("prosecco", "Wine, sparkling"),
        ("a glass of chilled prosecco", "Wine, sparkling"),
        ("Freshly made prosecco", "Wine, sparkling"),
        ("slices of papadum", record_names()["papadum"][0]),
    ],
)
def test_looks_amounts_and_cooking_do_not_hide_a_name(table: FoodTable, name: str, record: str) -> None:
    assert match(table, name).record.name == record


@pytest.mark.parametrize("name", ["truffle gyoza", "gyoza with soy sauce", "gyoza dumplings"])
def test_a_name_in_part_is_uncertain(table: FoodTable, name: str) -> None:
    found = match(table, name)
    assert found.record.name == record_names()["gyoza"][0]
    assert found.uncertain


def test_a_toast_is_not_what_is_on_it(table: FoodTable) -> None:
    assert "toasted" in match(table, "vegemite toast").record.name


@pytest.mark.parametrize("name", ["vegan moussaka", "diet prosecco", "low-fat gelato"])
def test_a_word_that_makes_it_another_food_takes_no_part_of_it(name: str) -> None:
    assert record_name(name) is None


def test_a_record_in_another_state_is_not_meant(table: FoodTable) -> None:
    """What is seen on the plate says more than the name."""
    name, (record, _) = next(
        (name, known)
        for name, known in record_names().items()
        if known[1] and ", raw" in known[0] and "cooked" not in known[0]
    )
    found = match(table, name, FoodState.COOKED)
    assert found.record.name != record or found.uncertain


def test_no_name_says_nothing() -> None:
    assert record_name("") is None
    assert record_name("of with and") is None
