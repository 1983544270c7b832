"""The tables of the local food services: what they hold, how words find it, and that it can be true."""

import math

import pytest

from ops.stand_ins.fdc_search import FoodIndex, FoodSearch
from ops.stand_ins.food_data import rows
from ops.stand_ins.packaged_foods import load_packaged_foods
from ops.stand_ins.plate_parser import PlateParser, State
from ops.stand_ins.recognition import words_of_file_name
from ops.stand_ins.stemming import stems
from ops.stand_ins.usda_foods import CARBOHYDRATE, ENERGY, FAT, PROTEIN, SUGARS, DataType, load_usda_foods

# Foods that the model names and no table has, so that a person can see a food that is not matched.
_IN_NO_TABLE = {"haggis"}
# Energy from alcohol, or counted by USDA with factors of the food's own.
_ENERGY_OF_ITS_OWN = ("Alcoholic", "Wine", "Lemons", "Corn, sweet")


def test_numbers_and_codes_are_unique() -> None:
    foods = load_usda_foods()
    assert len({food.fdc_id for food in foods}) == len(foods) > 200
    products = load_packaged_foods()
    assert len({product.code for product in products}) == len(products) == 20


def test_every_code_has_its_check_digit() -> None:
    for product in load_packaged_foods():
        digits = [int(digit) for digit in product.code]
        assert len(digits) == 13
        assert sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0, (
            product.code
        )


def test_no_food_holds_more_than_itself() -> None:
    for food in load_usda_foods():
        carbohydrate, fat, protein = (food.amounts[key] for key in (CARBOHYDRATE, FAT, PROTEIN))
        assert (carbohydrate or 0) + (fat or 0) + (protein or 0) <= 101, food.description
        assert (food.amounts.get(SUGARS) or 0) <= (carbohydrate if carbohydrate is not None else 100) + 0.5
        assert all(amount is None or amount >= 0 for amount in food.amounts.values())


def test_energy_agrees_with_what_gives_it() -> None:
    for food in load_usda_foods():
        kcal = food.amounts.get(ENERGY)
        carbohydrate, fat, protein = (food.amounts[key] for key in (CARBOHYDRATE, FAT, PROTEIN))
        if food.description.startswith(_ENERGY_OF_ITS_OWN) or None in (kcal, carbohydrate, fat, protein):
            continue
        general = 4 * (carbohydrate or 0) + 4 * (protein or 0) + 9 * (fat or 0)
        assert math.isclose(kcal or 0, general, rel_tol=0.15, abs_tol=12), food.description


def test_foods_come_raw_and_cooked() -> None:
    descriptions = [food.description.lower() for food in load_usda_foods()]
    for name in (
        "chicken",
        "rice",
        "salmon",
        "egg",
        "potato",
        "broccoli",
        "carrot",
        "lentil",
        "bean",
        "shrimp",
    ):
        named = [text for text in descriptions if name in text]
        assert any("raw" in text for text in named), name
        assert any("cooked" in text or "baked" in text for text in named), name


def test_our_own_numbers_have_no_date_of_usda() -> None:
    for food in load_usda_foods():
        if food.has_local_id:
            assert (food.published, food.data_type) == ("", DataType.SURVEY)


def test_every_food_that_the_model_names_is_in_a_table() -> None:
    index = FoodIndex(load_usda_foods())
    packaged = [set(stems(f"{product.name} {product.brands}")) for product in load_packaged_foods()]
    missing = {
        name
        for name in (row["name"] for row in rows("plate_words.csv"))
        if not index.search(FoodSearch(name, require_all_words=True))
        and not any(set(stems(name)) <= words for words in packaged)
    }
    assert missing == _IN_NO_TABLE


@pytest.mark.parametrize(
    ("text", "foods"),
    [
        ("200g rice", [("white rice", 200)]),
        ("200 grams of Rice", [("white rice", 200)]),
        ("rice 200 g, chicken 150g", [("white rice", 200), ("chicken breast", 150)]),
        ("2 eggs", [("egg", 100)]),
        ("eggs: two", [("egg", 100)]),
        ("half an avocado", [("avocado", 68)]),
        ("1,5 kg potatoes", [("potatoes", 1500)]),
        ("0.2 l milk", [("whole milk", 200)]),
        ("mac & cheese + salad", [("macaroni and cheese", 200), ("lettuce salad", 120)]),
        ("ham and cheese sandwich with fries", [("ham and cheese sandwich", 150), ("french fries", 117)]),
        ("chicken rice chicken", [("chicken breast", 150), ("white rice", 160)]),
        ("Rösti", [("hash browns", 70)]),
        ("9999999 g rice", [("white rice", 160)]),
        ("0 eggs", [("egg", 100)]),
        ("rice, 3", [("white rice", 160)]),
        ("200 g something unknown", []),
        ("", []),
    ],
)
def test_amounts_in_words_are_honoured(text: str, foods: list[tuple[str, float]]) -> None:
    assert [(food.name, food.grams) for food in PlateParser().read(text)] == foods


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("salmon", State.COOKED),
        ("raw salmon", State.RAW),
        ("salmon raw", State.RAW),
        ("boiled eggs", State.COOKED),
        ("grilled asparagus", State.COOKED),
        ("asparagus", State.RAW),
        ("milk", None),
        ("raw, salmon", State.COOKED),
    ],
)
def test_a_state_in_words_is_honoured(text: str, state: State | None) -> None:
    (food,) = PlateParser().read(text)
    assert food.state is state


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


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.com/a/Chicken%20and-rice_2.jpg?x=1#y", "Chicken and rice"),
        ("http://example.com/caf%C3%A9.au.lait.png", "café au lait"),
        ("https://example.com/IMG_20260101.HEIC", "IMG"),
        ("https://example.com", ""),
        ("data:image/png;base64,cGl6emE=", ""),
    ],
)
def test_the_words_of_a_file_name(url: str, words: str) -> None:
    assert words_of_file_name(url) == words
