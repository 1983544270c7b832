"""What the local model reads out of a hint: known foods, and any other food as it is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.stand_ins.hint_parser import HintParser
from ops.stand_ins.plate_words import PlateWords, State

PARSER = HintParser(PlateWords())


def read(text: str) -> list[tuple[str, float]]:
    return [(food.name, food.grams) for food in PARSER.read(text)]


@pytest.mark.parametrize(
    ("text", "foods"),
    [
        ("200g rice", [("white rice", 200)]),
        ("200 grams of Rice", [("white rice", 200)]),
        ("rice 200 g, chicken 150g", [("white rice", 200), ("chicken breast", 150)]),
        ("rice 200 g chicken 150g", [("white rice", 200), ("chicken breast", 150)]),
        ("200 g rice 150g chicken", [("white rice", 200), ("chicken breast", 150)]),
        ("2 eggs", [("egg", 100)]),
        ("2x eggs", [("egg", 100)]),
        ("eggs: two", [("egg", 100)]),
        ("2 eggs, 120 g", [("egg", 100)]),
        ("2 eggs 120 g", [("egg", 120)]),
        ("half an avocado", [("avocado", 68)]),
        ("1/2 avocado", [("avocado", 68)]),
        ("½ avocado", [("avocado", 68)]),
        ("1,5 kg potatoes", [("potatoes", 1500)]),
        ("0.2 l milk", [("whole milk", 200)]),
        ("10 fl oz cola", [("cola", 295.7)]),
        ("2 tbsp olive oil", [("olive oil", 30)]),
        ("mac & cheese + salad", [("macaroni and cheese", 200), ("lettuce salad", 120)]),
        ("ham and cheese sandwich with fries", [("ham and cheese sandwich", 150), ("french fries", 117)]),
        ("Rösti", [("hash browns", 70)]),
        ("rice, 2 eggs and Rice", [("white rice", 160), ("egg", 100)]),
        ("9999999 g rice", [("white rice", 160)]),
        ("0 eggs", [("egg", 100)]),
        ("rice, 3", [("white rice", 160)]),
    ],
)
def test_a_known_food_is_named_with_its_amount(text: str, foods: list[tuple[str, float]]) -> None:
    assert read(text) == foods


@pytest.mark.parametrize(
    ("text", "foods"),
    [
        ("aubergine parmigiana", [("aubergine parmigiana", 150)]),
        ("chicken tikka masala", [("chicken tikka masala", 150)]),
        ("250 ml 2% milk", [("2% milk", 250)]),
        ("2% milk", [("2% milk", 244)]),
        ("90 % lean beef, 100 g", [("90 % lean beef", 180)]),
        ("85% dark chocolate 30 g", [("85% dark chocolate", 30)]),
        ("banana bread", [("banana bread", 50)]),
        ("200 g something unknown", [("something unknown", 200)]),
        ("2 samosas", [("samosas", 100)]),
        ("7up 330 ml", [("7up", 330)]),
        ("coffee without sugar", [("coffee without sugar", 237)]),
        ("pan-seared salmon fillet with a drizzle of olive oil",
         [("pan-seared salmon fillet", 150), ("drizzle of olive oil", 14)]),
        ("Shepherd's pie & côte de bœuf", [("Shepherd's pie", 150), ("côte de bœuf", 150)]),
        ("борщ 300 g, 味噌汁", [("борщ", 300), ("味噌汁", 150)]),
        ("a bowl of ramen eggs", [("ramen eggs", 50 * 2)]),
    ],
)  # fmt: skip
def test_any_other_food_is_seen_as_typed(text: str, foods: list[tuple[str, float]]) -> None:
    assert read(text) == foods


@pytest.mark.parametrize(
    ("text", "foods"),
    [
        ("I had two slices of pizza for lunch at the office", [("cheese pizza", 214)]),
        ("my lunch: rice", [("white rice", 160)]),
        ("toast with no butter", [("white bread", 50)]),
        ("nothing but rice", [("white rice", 160)]),
        ("breakfast burrito", [("breakfast burrito", 220)]),
        ("beans on toast", [("beans on toast", 50)]),
    ],
)
def test_words_around_a_food_are_no_part_of_it(text: str, foods: list[tuple[str, float]]) -> None:
    assert read(text) == foods


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "12",
        "200 g",
        "2%",
        "!?",
        "\N{POT OF FOOD}",
        "lunch",
        "my dinner",
        "no food",
        "an empty plate",
        "grilled",
        "and, with",
    ],
)
def test_a_hint_that_says_nothing_names_no_food(text: str) -> None:
    assert read(text) == []


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
        ("grilled aubergine parmigiana", State.COOKED),
        ("brown lentils", State.COOKED),
        ("chicken salad", None),
    ],
)
def test_a_state_in_words_is_honoured(text: str, state: State | None) -> None:
    (food,) = PARSER.read(text)
    assert food.state is state


@given(st.text(max_size=500))
def test_every_food_of_any_hint_has_a_name_and_an_amount(text: str) -> None:
    for food in PARSER.read(text):
        assert 0 < len(food.name) <= 200
        assert 0 < food.grams <= 5000
