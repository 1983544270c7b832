"""What is kept of a plate that a model told, food by food."""

import json
import math

import pytest

from adapters.food_prompt import MOST_FOODS
from adapters.recognized_foods import LONGEST_NAME, RecognizedPlate, read_plate
from ledger import FoodState, RecognizedFood, WarningCode
from tests.pace import Stopwatch

EGG = {"name": "egg", "grams": 55.5, "state": "COOKED", "confidence": 0.93}


def told(*foods: object, **more: object) -> str:
    return json.dumps({"dish_name": "Breakfast", "foods": foods} | more)


def names(plate: RecognizedPlate) -> list[str]:
    return [food.name for food in plate.foods]


def test_a_plate_of_the_schema_is_read_as_it_is() -> None:
    assert read_plate(told(EGG)) == RecognizedPlate(
        dish_name="Breakfast",
        foods=(RecognizedFood(name="egg", grams=55.5, state=FoodState.COOKED, confidence=0.93),),
    )


def test_a_food_needs_nothing_but_a_name() -> None:
    (food,) = read_plate('{"foods": [{"name": "egg"}]}').foods
    assert (food.name, food.state, food.confidence, food.remarks) == ("egg", None, None, ())
    assert math.isnan(food.grams)


def test_a_bare_list_of_foods_is_a_plate() -> None:
    plate = read_plate(json.dumps([EGG]))
    assert (plate.dish_name, names(plate)) == (None, ["egg"])


@pytest.mark.parametrize("text", ['{"foods": []}', '{"dish_name": 7, "foods": null}'])
def test_a_plate_without_food_is_empty(text: str) -> None:
    assert read_plate(text) == RecognizedPlate(dish_name=None, foods=())


@pytest.mark.parametrize(
    "text",
    ["I see an egg.", "[]", "[1]", "{}", "7", '{"foods": 7}', told(7), told({"name": " "}), told(None)],
)
def test_a_text_without_a_readable_food_is_no_plate(text: str) -> None:
    with pytest.raises(ValueError, match="food"):
        read_plate(text)


@pytest.mark.parametrize(
    "bad", [None, "egg", 7, [], {}, {"name": None}, {"name": 7}, {"name": ""}, {"grams": 5}]
)
def test_a_bad_food_costs_no_good_one(bad: object) -> None:
    plate = read_plate(told(EGG, bad, EGG | {"name": "ham"}))
    assert names(plate) == ["egg", "ham"]
    (remark,) = plate.remarks
    assert remark.code is WarningCode.FOOD_UNREADABLE
    assert remark.message.startswith("1 food was left out")


def test_the_first_foods_of_too_many_are_kept() -> None:
    plate = read_plate(told(*[EGG | {"name": f"food {n}"} for n in range(MOST_FOODS + 3)]))
    assert names(plate) == [f"food {n}" for n in range(MOST_FOODS)]
    (remark,) = plate.remarks
    assert remark.code is WarningCode.FOODS_LEFT_OUT
    assert remark.message == "3 foods were left out: a meal has 40 at most."


def test_a_range_of_grams_is_said_at_the_food() -> None:
    (food,) = read_plate(told(EGG | {"grams": "100-150 g"})).foods
    (remark,) = food.remarks
    assert food.grams == 125
    assert remark.code is WarningCode.AMOUNT_UNCERTAIN
    assert remark.message == "'egg': the model gave 100 to 150 g, and the mean was taken."


def test_names_are_cut_before_anything_reads_them() -> None:
    watch = Stopwatch()
    plate = read_plate(
        told(EGG | {"name": "x" * 500_000}, EGG | {"name": "," * 400_000}, dish_name="y" * 500_000)
    )
    assert names(plate) == ["x" * LONGEST_NAME, "," * LONGEST_NAME]
    assert plate.dish_name == "y" * LONGEST_NAME
    assert watch.seconds() < 1


def test_what_no_name_has_is_taken_out() -> None:
    """Half a surrogate pair cannot be written as UTF-8."""
    text = r'{"foods": [{"name": "\ud800 boiled\u0000\n egg "}], "dish_name": "cr\u00e8me \ud83c\udf4e"}'
    plate = read_plate(text)
    assert names(plate) == ["boiled egg"]
    assert plate.dish_name == "crème 🍎"
