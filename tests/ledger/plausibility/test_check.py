"""Numbers that cannot be are mended where the others prove it, else unknown; odd foods that can be are left alone."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given as for_all
from hypothesis import strategies
from msgspec import convert

from ledger import CarbohydrateBasis, Nutrients, PlausibleNutrients, SourceNutrients, WarningCode, plausible
from ledger.nutrition import MOST

WITH, WITHOUT = CarbohydrateBasis.WITH_FIBER, CarbohydrateBasis.WITHOUT_FIBER


def check(
    values: Mapping[str, object], *, food: str = "A food", basis: CarbohydrateBasis | None = WITH
) -> PlausibleNutrients | None:
    return plausible(convert(values, SourceNutrients), food=food, basis=basis)


def checked(
    values: Mapping[str, object], *, food: str = "A food", basis: CarbohydrateBasis | None = WITH
) -> tuple[Nutrients, list[str]]:
    found = check(values, food=food, basis=basis)
    assert found is not None
    assert {remark.code for remark in found.remarks} <= {WarningCode.NUTRIENTS_IMPLAUSIBLE}
    return found.per_100g, [remark.message for remark in found.remarks]


@pytest.mark.parametrize(
    ("food", "kcal", "weights"),
    [
        ("Cocoa, dry powder, unsweetened", 228, (19.6, 57.9, 13.7, 37)),
        ("Corn bran, crude", 224, (8.36, 85.64, 0.92, 79)),
        ("Spices, cloves, ground", 274, (5.97, 65.53, 13, 33.9)),
        ("Leavening agents, baking powder", 53, (0, 27.7, 0, 0.2)),
        ("Chewing gum, sugarless", 268, (0, 94.8, 0.4, 2.4)),
        ("Lemons, raw", 29, (1.1, 9.32, 0.3, 2.8)),
        ("Vinegar, distilled", 18, (0, 0.04, 0, 0)),
        ("Vinegar, balsamic", 88, (0.49, 17.03, 0, None)),
        ("Frankfurter, beef, low fat", 233, (12, 1.6, 9.5, 0)),
        ("Oil, soybean lecithin", 763, (0, 0, 100, 0)),
        ("Oil, flaxseed, cold pressed", 884, (0.11, 0, 99.98, 0)),
        ("Sweetener, herbal extract powder from Stevia leaf", 0, (0, 100, 0, 0)),
        ("Erythritol", 20, (0, 99, 0, 0)),
        ("Sugar free jelly sweets", 20, (0, 95, 0, 0)),
        ("Vodka and water", 59, (0, 0, 0, 0)),
        ("Alcoholic beverage, distilled, rum, 80 proof", 231, (0, 0, 0, 0)),
        ("Wine, table, white", 82, (0.07, 2.6, 0, 0)),
        ("Beer", 43, (0.46, 3.55, 0, 0)),
    ],
)
def test_odd_but_true_foods_are_left_alone(
    food: str, kcal: float, weights: tuple[float, float, float, float | None]
) -> None:
    given: dict[str, float | None] = dict(zip(("protein", "carbs", "fat", "fiber"), weights, strict=True))
    found, reasons = checked({"kcal": kcal, **given}, food=food)
    assert found == Nutrients.of(calories=kcal, **given)
    assert reasons == []


@pytest.mark.parametrize(
    ("values", "kcal", "reason"),
    [
        ({"kcal": 2240, "protein": 7, "carbs": 58, "fat": 31}, 535.373, "535 kcal were taken"),
        ({"kcal": 128, "protein": 7, "carbs": 58, "fat": 31}, 535.552, "536 kcal were taken"),
        ({"kj": 535, "protein": 7, "carbs": 58, "fat": 31}, 535, "535 kcal were taken"),
        ({"kcal": 176, "kj": 176, "sugar": 10}, 42.065, "42 kcal were taken"),
        ({"kcal": 176, "protein": 0, "carbs": 10, "fat": 0}, 42.065, "42 kcal were taken"),
        ({"kcal": 2255, "kj": 2252, "protein": 6.3, "carbs": 57.5, "fat": 30.9}, 538.241, "538 kcal"),
        ({"kcal": 350, "protein": 1, "carbs": 5, "fat": 1}, None, "the energy is unknown"),
        ({"kcal": 1500, "protein": 1, "carbs": 5}, None, "the energy is unknown"),
        ({"kcal": 100, "kj": 900, "protein": 1}, None, "100 kcal are not 900 kJ"),
        ({"kcal": 100, "kj": 900, "protein": 20, "carbs": 50, "fat": 30}, None, "the energy is unknown"),
        ({"kcal": 0, "fat": 80}, None, "0 kcal do not fit"),
    ],
)
def test_energy_in_the_wrong_unit_is_mended_or_unknown(
    values: dict[str, float], kcal: float | None, reason: str
) -> None:
    found, reasons = checked(values)
    assert found.calories == kcal
    (said,) = reasons
    assert reason in said


@pytest.mark.parametrize(
    ("values", "kcal"),
    [
        ({"kcal": 100, "kj": 418.4, "carbs": 25}, 100),
        ({"kcal": 100, "kj": 430, "carbs": 25}, 100),
        ({"kcal": 31, "kj": 163, "protein": 2.6, "carbs": 6.3, "fat": 0.3}, 31),
        ({"kj": 418.4, "carbs": 25}, 100),
        ({"kcal": 0, "kj": 418.4, "carbs": 25}, 100),
        ({"kcal": 100, "kj": 0, "carbs": 25}, 100),
        ({"kcal": 100, "kj": 100, "carbs": 25}, 100),
        ({"protein": 3}, None),
    ],
)
def test_energy_that_can_be_needs_no_remark(values: dict[str, float], kcal: float | None) -> None:
    found, reasons = checked(values)
    assert (found.calories, reasons) == (kcal, [])


@pytest.mark.parametrize(
    ("food", "basis", "values", "kcal"),
    [
        ("A food", WITH, {"protein": 10, "carbs": 20, "fat": 5}, 165),
        ("A food", WITH, {"protein": 10, "carbs": 20, "fat": 5, "fiber": 10}, 145),
        ("A food", WITHOUT, {"protein": 10, "carbs": 20, "fat": 5, "fiber": 10}, 185),
        ("A food", None, {"protein": 10, "carbs": 20, "fat": 5, "alcohol": 10}, 235),
        ("A food", WITH, {"kcal": 0, "kj": 0, "protein": 10, "carbs": 20, "fat": 5}, 165),
        ("Lager", WITH, {"kcal": 0, "protein": 10, "carbs": 20, "fat": 5}, None),
    ],
)
def test_unknown_energy_is_computed_and_said(
    food: str, basis: CarbohydrateBasis | None, values: dict[str, float], kcal: float | None
) -> None:
    found, reasons = checked(values, food=food, basis=basis)
    assert found.calories == kcal
    (said,) = reasons
    assert ("computed" in said) is (kcal is not None)


def test_the_fibre_of_an_eu_label_adds_energy() -> None:
    label = {"kcal": 80, "protein": 1, "carbs": 2, "fat": 0, "fiber": 25}
    assert checked(label, basis=WITHOUT)[0].calories == 80
    found, reasons = checked(label | {"fiber": 2}, basis=WITHOUT)
    assert found.calories != 80
    assert len(reasons) == 1


@pytest.mark.parametrize(
    ("values", "unknown"),
    [
        ({"carbs": 50, "sugar": 60}, {"sugar"}),
        ({"carbs": 50, "fiber": 2000}, {"fiber"}),
        ({"carbs": 50, "fiber": 55}, {"fiber"}),
        ({"fiber": 105, "fat": 1}, {"fiber"}),
        ({"protein": 250, "carbs": 20}, {"protein"}),
        ({"protein": 1, "alcohol": 250}, set()),
        ({"protein": 60, "carbs": 50, "kcal": 250}, {"protein", "carbs"}),
        ({"protein": 0, "carbs": 0, "fat": 0, "kcal": 300}, {"protein", "carbs", "fat"}),
        ({"carbs": 50, "sodium": 39_500}, {"sodium"}),
        ({"fat": 5, "optional": {"saturated_fat": 9.0}}, {"saturated_fat"}),
        ({"carbs": 5, "optional": {"saturated_fat": 109.0}}, {"saturated_fat"}),
        ({"carbs": 5, "optional": {"iron": 7_000.0}}, {"iron"}),
    ],
)
def test_a_weight_that_cannot_be_is_unknown_with_a_reason(
    values: dict[str, object], unknown: set[str]
) -> None:
    found, reasons = checked(values)
    assert {name for name in unknown if getattr(found, name) is None} == unknown
    assert any("unknown" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("basis", "values"),
    [
        (WITH, {"carbs": 2.1, "sugar": 3.14}),
        (WITH, {"carbs": 99.6, "sugar": 99.8}),
        (WITHOUT, {"carbs": 5, "fiber": 40}),
        (WITHOUT, {"protein": 10, "carbs": 80, "fiber": 46}),
        (WITH, {"protein": 33.4, "carbs": 33.4, "fat": 33.4}),
        (WITH, {"fat": 0.2, "optional": {"saturated_fat": 0.3, "iron": 123.6, "vitamin_a": None}}),
    ],
)
def test_roundings_and_other_methods_are_tolerated(
    basis: CarbohydrateBasis, values: dict[str, object]
) -> None:
    found, reasons = checked(values, basis=basis)
    assert all(getattr(found, name) == value for name, value in values.items() if name != "optional")
    assert [reason for reason in reasons if "energy" not in reason] == []


@pytest.mark.parametrize(
    ("sodium", "salt", "expected", "reasons"),
    [
        (400, None, 400, 0),
        (None, 1, 400, 0),
        (400, 1.05, 400, 0),
        (1.2, 1.2, 480, 1),
        (480, 0.0012, 480, 1),
        (400, 1000, 400, 1),
        (40_000, 0.1, 40, 1),
        (12_000, 0.03, None, 1),
        (0, 9, None, 1),
        (1_200, 1.2, None, 1),
        (45_000_000, 112_500, None, 1),
        (45_000_000, 1_000, None, 1),
        (None, 150, None, 1),
        (None, None, None, 0),
    ],
)
def test_sodium_and_salt_say_the_same_or_the_possible_one_counts(
    sodium: float | None, salt: float | None, expected: float | None, reasons: int
) -> None:
    found, said = checked({"kcal": 10, "sodium": sodium, "salt": salt})
    assert (found.sodium, len(said)) == (expected, reasons)


ZEROS = {"kcal": 0, "protein": 0, "carbs": 0, "fat": 0, "sugar": 0}


@pytest.mark.parametrize(
    "food",
    ["Yorkshire pudding", "Coffee cake", "Salted peanuts", "Salt and vinegar crisps", "Water biscuits"],
)
def test_zeros_for_a_food_with_energy_are_no_match(food: str) -> None:
    assert check(ZEROS, food=food) is None
    assert check({"kj": 0}, food=food) is None
    assert check({"protein": 0, "fat": 0, "sodium": 300}, food=food) is None


@pytest.mark.parametrize(
    "food",
    [
        "Water, bottled",
        "Black coffee",
        "Tea, hibiscus",
        "Diet cola",
        "Salt, table",
        "Stevia drops",
        "Eau de source",
    ],
)
def test_a_food_without_energy_is_a_match(food: str) -> None:
    found, reasons = checked(ZEROS, food=food)
    assert (found.calories, found.protein, reasons) == (0, 0, [])


def test_a_seasoning_may_have_no_energy() -> None:
    assert checked(ZEROS | {"sodium": 17_000}, food="Sazon")[0].calories == 0
    assert checked(ZEROS | {"salt": 40}, food="Sazon")[0].sodium == 16_000


@pytest.mark.parametrize(
    "values",
    [{}, {"sugar": 10, "sodium": 4}, {"protein": -1}, {"kcal": math.nan}, {"fat": math.inf}, {"kcal": 9e9}],
)
def test_a_record_that_knows_nothing_is_no_match(values: dict[str, float]) -> None:
    assert check(values) is None


_numbers = strategies.none() | strategies.floats() | strategies.floats(0, 1_000)


@for_all(
    strategies.fixed_dictionaries(
        dict.fromkeys(
            ("kcal", "kj", "protein", "carbs", "fat", "alcohol", "fiber", "sugar", "sodium", "salt"), _numbers
        )
    ),
    strategies.sampled_from(["A food", "Wine", "Water", "Stevia"]),
    strategies.sampled_from([WITH, WITHOUT, None]),
)
def test_whatever_is_given_the_result_can_be(
    values: dict[str, float | None], food: str, basis: CarbohydrateBasis | None
) -> None:
    found = check(values, food=food, basis=basis)
    if found is None:
        return
    kept = found.per_100g
    assert (kept.calories or 0) <= 905
    assert (kept.protein or 0) + (kept.carbs or 0) + (kept.fat or 0) <= 103.001
    assert (kept.sodium or 0) <= 39_000
    assert (kept.fiber or 0) <= 106 < MOST
    known = (kept.calories, kept.protein, kept.carbs, kept.fat)
    assert any(value is not None for value in known)
