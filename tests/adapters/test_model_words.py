"""How a model's own words for amounts, states and confidences are read."""

import math

import pytest

from adapters.model_words import amount_of, confidence_of, state_of
from ledger import FoodState


@pytest.mark.parametrize(
    ("said", "grams"),
    [
        (150.0, 150),
        ("150", 150),
        ("150 g", 150),
        ("150g", 150),
        ("~150 grams", 150),
        ("about 150 g.", 150),
        ("150 g (one breast)", 150),
        ("1,200 g", 1200),
        ("12,5 g", 12.5),
        ("0,150 kg", 150),
        ("0.15 kg", 150),
        ("500 mg", 0.5),
        ("2 oz", 56.699),
        ("2 ounces", 56.699),
        ("1 lb", 453.592),
        ("1 pound", 453.592),
        (-5.0, -5),
        (math.inf, math.inf),
    ],
)
def test_an_amount_is_read_in_grams(said: object, grams: float) -> None:
    amount = amount_of(said)
    assert amount.grams == pytest.approx(grams, abs=0.001)
    assert amount.doubt is None


@pytest.mark.parametrize(
    ("said", "grams", "doubt"),
    [
        ("100-150 g", 125, "100 to 150 g"),
        ("100 - 150", 125, "100 to 150 g"),
        ("100 g \u2013 150 g", 125, "100 to 150 g"),
        ("100g to 150g", 125, "100 to 150 g"),
        ("1-1.5 kg", 1250, "1000 to 1500 g"),
        ("500 g - 1 kg", 750, "500 to 1000 g"),
        ("250 ml", 250, "millilitres"),
    ],
)
def test_an_amount_that_leaves_room_is_doubted(said: str, grams: float, doubt: str) -> None:
    amount = amount_of(said)
    assert amount.grams == grams
    assert doubt in (amount.doubt or "")


@pytest.mark.parametrize(
    "said",
    [
        None,
        True,
        "",
        "some",
        "two",
        "2 slices",
        "-5",
        "150 g per slice",
        [100.0],
        {"value": 100.0},
    ],
)
def test_an_amount_that_cannot_be_read_is_no_number(said: object) -> None:
    assert math.isnan(amount_of(said).grams)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("COOKED", FoodState.COOKED),
        ("cooked", FoodState.COOKED),
        (" Raw ", FoodState.RAW),
        ("grilled", FoodState.COOKED),
        ("fresh", FoodState.RAW),
        ("", None),
        ("frozen", None),
        (None, None),
        (1.0, None),
    ],
)
def test_a_state_is_read_in_any_case(said: object, state: FoodState | None) -> None:
    assert state_of(said) is state


@pytest.mark.parametrize(
    ("said", "confidence"),
    [
        (0.0, 0.0),
        (0.93, 0.93),
        (1.0, 1.0),
        (85.0, 0.85),
        (100.0, 1.0),
        ("0.85", 0.85),
        ("85", 0.85),
        ("85%", 0.85),
        ("85 %", 0.85),
        ("1%", 0.01),
        ("high", 0.9),
        ("Medium", 0.6),
        ("very low", 0.1),
    ],
)
def test_a_confidence_is_read_from_shares_per_cents_and_words(said: object, confidence: float) -> None:
    assert confidence_of(said) == confidence


@pytest.mark.parametrize(
    "said", [None, True, "", "sure", "101%", "300", -0.1, 1.1, 101.0, math.nan, math.inf, []]
)
def test_a_confidence_that_says_nothing_is_unknown(said: object) -> None:
    assert confidence_of(said) is None
