"""The food table: every row of USDA's, found by any name that people have for it."""

import subprocess
import sys

import pytest

from adapters.food_table import FoodTable, load_foods
from ledger import CarbohydrateBasis, NutrientSource


@pytest.fixture(scope="module")
def table() -> FoodTable:
    return FoodTable()


def test_all_rows_of_the_three_tables_are_there() -> None:
    foods = load_foods()
    assert {name: sum(food.table == name for food in foods) for name in ("SR28", "FNDDS", "FOUNDATION")} == {
        "SR28": 8_789,
        "FNDDS": 5_373,
        "FOUNDATION": 296,
    }


async def test_a_record_says_where_it_comes_from(table: FoodTable) -> None:
    butter = next(food for food in await table.search("salted butter") if food.source_id == "01001")
    assert (butter.source, butter.data_type, butter.release) == (NutrientSource.USDA, "SR28", "28")
    assert butter.carbohydrate is CarbohydrateBasis.WITH_FIBER
    assert butter.group == "Dairy and Egg Products"


async def test_a_record_has_all_nutrients_of_the_table(table: FoodTable) -> None:
    butter = next(food for food in await table.search("salted butter") if food.source_id == "01001")
    per_100g = butter.per_100g
    assert (per_100g.calories, per_100g.protein, per_100g.carbs, per_100g.fat) == (717, 0.85, 0.06, 81.11)
    assert (per_100g.saturated_fat, per_100g.cholesterol, per_100g.vitamin_a) == (51.368, 215, 684)
    assert per_100g.complete


async def test_a_row_without_a_number_has_its_description_as_id(table: FoodTable) -> None:
    latte = next(food for food in await table.search("latte") if food.name == "Coffee, Latte")
    assert (latte.source_id, latte.data_type, latte.release) == ("Coffee, Latte", "FNDDS", None)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("aubergine", "Eggplant, raw"),
        ("garbanzo beans", "Chickpeas, NFS"),
        ("90% lean beef", "Beef, ground, 90% lean meat / 10% fat, raw"),
        ("frozen yoghurt", "Frozen yogurt, NFS"),
        ("spaghetti", "Pasta, cooked"),
    ],
)
async def test_other_words_for_a_food_find_it(table: FoodTable, name: str, found: str) -> None:
    assert found in {food.name for food in await table.search(name)}


@pytest.mark.parametrize("nothing", ["", "   ", "xyzzy", "()", "寿司"])
async def test_a_name_of_nothing_finds_nothing(table: FoodTable, nothing: str) -> None:
    assert await table.search(nothing) == ()


def test_the_table_is_light() -> None:
    """It takes little memory on top of the program's own."""
    program = (
        "import resource, ledger, adapters.food_table as t\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = used(); table = t.FoodTable(); print((used() - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60
