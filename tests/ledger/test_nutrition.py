"""Nutrients: exact in thousandths, and unknown is not zero."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Nutrients, total
from ledger.nutrition import MOST, NUTRIENTS, OPTIONAL_NUTRIENTS, UNKNOWN

EVERY = (*NUTRIENTS, *OPTIONAL_NUTRIENTS)

THOUSANDTH = Decimal("0.001")
stored = st.integers(min_value=0, max_value=10_000_000).map(lambda thousandths: thousandths / 1000)
nutrients = st.builds(Nutrients.of, **dict.fromkeys(EVERY, st.none() | stored))


def exact(value: float) -> Decimal:
    return Decimal(repr(value))


@given(st.lists(nutrients))
def test_a_total_is_the_exact_sum_of_known_values(parts: list[Nutrients]) -> None:
    summed = total(parts)
    for name in EVERY:
        known = [exact(getattr(part, name)) for part in parts if getattr(part, name) is not None]
        if known or not parts:
            assert exact(getattr(summed, name)) == sum(known, Decimal(0))
        else:
            assert getattr(summed, name) is None


@given(st.lists(nutrients), st.randoms())
def test_a_total_does_not_depend_on_order_or_grouping(parts: list[Nutrients], random: object) -> None:
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # Hypothesis' own Random
    assert total(shuffled) == total(parts)
    middle = len(parts) // 2
    groups = [group for group in (parts[:middle], parts[middle:]) if group]
    assert total(total(group) for group in groups) == total(parts)


@given(nutrients, st.integers(min_value=1, max_value=10_000_000).map(lambda n: n / 1000))
def test_scaling_is_the_correctly_rounded_decimal_product(per_100g: Nutrients, grams: float) -> None:
    scaled = per_100g.for_grams(grams)
    for name in EVERY:
        value = getattr(per_100g, name)
        if value is None:
            assert getattr(scaled, name) is None
        else:
            product = exact(value) * exact(grams) / 100
            assert exact(getattr(scaled, name)) == product.quantize(THOUSANDTH, ROUND_HALF_EVEN)
    assert scaled.complete == per_100g.complete


def test_calories_are_not_cut_to_whole_numbers() -> None:
    assert Nutrients.of(calories=18).for_grams(55).calories == 9.9


@pytest.mark.parametrize(("grams", "expected"), [(0.05, 0.0), (0.15, 0.002), (0.25, 0.002), (0.35, 0.004)])
def test_a_tie_goes_to_the_even_thousandth(grams: float, expected: float) -> None:
    assert Nutrients.of(fiber=1).for_grams(grams).fiber == expected


def test_nothing_eaten_is_zero_and_complete() -> None:
    assert total([]) == Nutrients.of(**dict.fromkeys(EVERY, 0.0))
    assert total([]).complete


def test_an_unknown_nutrient_leaves_the_total_incomplete_but_counted() -> None:
    water = Nutrients.of(**dict.fromkeys(NUTRIENTS, 0.0))
    salt = Nutrients.of(sodium=38_758)
    assert water.complete
    assert not salt.complete
    summed = total([water, salt])
    assert (summed.sodium, summed.fiber, summed.complete) == (38_758, 0.0, False)


def test_a_nutrient_unknown_to_every_part_stays_unknown() -> None:
    assert total([UNKNOWN, UNKNOWN]) == UNKNOWN


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1.0, 100_000.001, 1e306])
def test_an_impossible_value_is_unknown(nonsense: float) -> None:
    assert Nutrients.of(protein=nonsense).protein is None


@given(st.floats(min_value=0, max_value=MOST))
def test_a_value_is_stored_with_three_decimals(value: float) -> None:
    kept = Nutrients.of(fat=value).fat
    assert kept is not None
    assert exact(kept) == Decimal(value).quantize(THOUSANDTH, ROUND_HALF_EVEN)


def test_a_total_names_the_optional_nutrients_it_lacks_parts_of() -> None:
    meat, bread = Nutrients.of(iron=2.7, vitamin_c=0.0), Nutrients.of(iron=3.6)
    summed = total([meat, bread])
    assert (summed.iron, summed.vitamin_c, summed.calcium) == (6.3, 0.0, None)
    assert summed.partial == ("vitamin_c",)
    assert total([summed, meat]).partial == ("vitamin_c",)
