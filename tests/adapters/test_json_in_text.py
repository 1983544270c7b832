"""Where a model's JSON is found in what it said."""

import math

import pytest

from adapters.json_in_text import last_json
from tests.pace import Stopwatch


def foods(value: object) -> object:
    return value["foods"] if isinstance(value, dict) and "foods" in value else None


@pytest.mark.parametrize(
    "text",
    [
        '{"foods": ["egg"]}',
        '\ufeff{"foods": ["egg"]}',
        ' \n{"foods": ["egg"]}\n',
        '```json\n{"foods": ["egg"]}\n```',
        'Here is the list [1]: {"foods": ["egg"]} Enjoy {your} meal!',
        '<think>Perhaps {"foods": ["ham"]}?</think>{"foods": ["egg"]}',
        '<thinking>A plate</thinking>\n\n```\n{"foods": ["egg"]}\n```',
        '{"foods": ["ham"]} No, wait: {"foods": ["egg"]}',
        '{"foods": ["egg"]}{"foods": ["egg"]}',
        '{"foods": ["egg"]} {"foods": ["h',
        '{"result": {"foods": ["egg"]}}',
    ],
)
def test_the_last_readable_value_is_found(text: str) -> None:
    assert last_json(text, foods) == ["egg"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "an egg",
        '{"dish": 1}',
        '{"foods": ["eg',
        '<think>{"foods": ["egg"]}</think> I do not know.',
    ],
)
def test_where_nothing_can_be_read_there_is_none(text: str) -> None:
    assert last_json(text, foods) is None


def test_numbers_are_floats_whatever_their_size() -> None:
    assert last_json('{"foods": [1, 1e999, NaN]}', foods) == [
        1.0,
        math.inf,
        pytest.approx(math.nan, nan_ok=True),
    ]
    assert last_json(f'{{"foods": [{"9" * 100_000}]}}', foods) == [math.inf]


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 200_000, "[{" * 500_000, '{"a":"' * 200_000])
def test_a_text_of_brackets_costs_nothing(text: str) -> None:
    watch = Stopwatch()
    assert last_json(text, foods) is None
    assert watch.seconds() < 1
