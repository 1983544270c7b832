"""What the local model reads out of a photo's file name: foods that it knows, and dishes made of them."""

import pytest

from ops.stand_ins.fdc_search import local_index
from ops.stand_ins.file_name_parser import FileNameParser
from ops.stand_ins.plate_words import PlateWords, State
from ops.stand_ins.recognition import words_of_file_name

PARSER = FileNameParser(PlateWords(), local_index())


@pytest.mark.parametrize(
    ("text", "foods"),
    [
        ("chicken rice broccoli", ["chicken breast", "white rice", "broccoli"]),
        ("chicken rice chicken", ["chicken breast", "white rice"]),
        ("haggis and rice", ["haggis", "white rice"]),
        ("black coffee", ["brewed coffee"]),
        ("Mac and Cheese with salad", ["macaroni and cheese", "lettuce salad"]),
        ("g rice eggs", ["white rice", "egg"]),
        ("chicken tikka masala", ["chicken tikka masala"]),
        ("Aubergine Parmigiana with salad", ["aubergine parmigiana", "lettuce salad"]),
        ("IMG my pizza final", ["cheese pizza"]),
        ("very secret plate", []),
        ("tikka masala", []),
        ("test", []),
        ("", []),
    ],
)
def test_known_foods_are_read_and_the_dishes_they_make(text: str, foods: list[str]) -> None:
    assert [food.name for food in PARSER.read(text)] == foods


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("raw salmon boiled asparagus", [State.RAW, State.COOKED]),
        ("asparagus grilled", [State.COOKED]),
        ("asparagus and grilled salmon", [State.RAW, State.COOKED]),
    ],
)
def test_a_state_is_of_the_food_after_it(text: str, states: list[State]) -> None:
    assert [food.state for food in PARSER.read(text)] == states


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
