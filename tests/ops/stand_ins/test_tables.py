"""The tables of the local food services: what they hold, how words find it, and that it can be true."""

from collections import Counter

import pytest

from adapters.food_table import FoodTable, load_foods
from ledger import FoodState, RecognizedFood
from ledger.food_matching import best_match
from ops.stand_ins.fdc_search import FoodSearch, local_index
from ops.stand_ins.food_data import rows
from ops.stand_ins.packaged_foods import load_packaged_foods
from ops.stand_ins.stemming import stems
from ops.stand_ins.usda_foods import DataType, load_usda_foods
from ops.stand_ins.usda_nutrients import (
    CARBOHYDRATE,
    ENERGY,
    ENERGY_KJ,
    FAT,
    FIBER,
    OPTIONAL,
    PROTEIN,
    SODIUM,
    SUGARS,
)

_IN_NO_TABLE = {"haggis", "polenta"}
"""With one of them a person can see a food that is not matched."""


def test_numbers_and_codes_are_unique() -> None:
    foods = load_usda_foods()
    assert len({food.fdc_id for food in foods}) == len(foods) == 14_461
    products = load_packaged_foods()
    assert len({product.code for product in products}) == len(products) == 20


def test_every_code_has_its_check_digit() -> None:
    for product in load_packaged_foods():
        digits = [int(digit) for digit in product.code]
        assert len(digits) == 13
        assert sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0, (
            product.code
        )


def test_the_table_is_the_one_that_the_product_carries() -> None:
    """Only the file is shared: what the product makes of it is compared here, by ids that both have."""
    carried = {food.id: food for food in load_foods() if food.table == "SR28"}
    served = {food.ndb_number: food for food in load_usda_foods() if food.data_type is DataType.SR_LEGACY}
    assert served.keys() == carried.keys()
    butter = served["01001"]
    assert (butter.fdc_id, butter.description) == (9_001_001, carried["01001"].description)
    assert butter.amounts == {
        ENERGY: 717, ENERGY_KJ: 3000, PROTEIN: 0.85, FAT: 81.11, CARBOHYDRATE: 0.06, FIBER: 0, SUGARS: 0.06,
        SODIUM: 643, OPTIONAL["saturated_fat"]: 51.368, OPTIONAL["cholesterol"]: 215, OPTIONAL["potassium"]: 24,
        OPTIONAL["calcium"]: 24, OPTIONAL["iron"]: 0.02, OPTIONAL["magnesium"]: 2, OPTIONAL["vitamin_a"]: 684,
        OPTIONAL["vitamin_c"]: 0, OPTIONAL["vitamin_d"]: 0, OPTIONAL["vitamin_b12"]: 0.17,
    }  # fmt: skip


def test_ids_are_local_where_the_table_has_none_of_usda() -> None:
    by_type = Counter((food.data_type, food.has_local_id) for food in load_usda_foods())
    assert by_type == {
        (DataType.SR_LEGACY, True): 8789,
        (DataType.SURVEY, True): 5373,
        (DataType.FOUNDATION, True): 296,
        (DataType.BRANDED, True): 2,
        (DataType.BRANDED, False): 1,
    }


def test_nearly_every_food_that_the_model_names_is_found() -> None:
    """By the product in its own table, else among branded and packaged foods, which the stand-ins serve."""
    table, index = FoodTable(), local_index()
    packaged = [set(stems(f"{product.name} {product.brands}")) for product in load_packaged_foods()]
    missing = set()
    for row in rows("plate_words.csv"):
        name, state = row["name"], FoodState(row["state"]) if row["state"] else None
        food = RecognizedFood(name=name, grams=100.0, state=state, confidence=1.0)
        served = index.search(FoodSearch(name, (DataType.BRANDED,), require_all_words=True))
        is_packaged = any(set(stems(name)) <= words for words in packaged)
        if best_match(food, table.find(name)) is None and not served and not is_packaged:
            missing.add(name)
    assert "haggis" in missing
    assert missing <= _IN_NO_TABLE


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Apples", "apple"),
        ("berries", "berry"),
        ("cookies", "cookie"),
        ("fries", "fry"),
        ("potatoes", "potato"),
        ("peaches", "peach"),
        ("Crème brûlées", "creme brulee"),
        ("hummus", "Hummus"),
        ("Rose-apples, raw", "rose apple raw"),
    ],
)
def test_plural_accent_and_case_do_not_matter(text: str, same: str) -> None:
    assert stems(text) == stems(same)


def test_different_words_stay_different() -> None:
    assert len({stems(word) for word in ("pea", "pear", "peach", "peanut", "bean", "beans and rice")}) == 6
