"""Protein, carbohydrate and fat against the 100 g that they are in, and the parts against their wholes."""

from collections.abc import Iterator

from msgspec import structs

from ledger.nutrition import KJ_PER_KCAL
from ledger.plausibility.source import SourceNutrients
from ledger.plausibility.words import may_hold_alcohol

MOST_GRAMS = 103.0
"""What 100 g may hold of protein, carbohydrate and fat together, as labels round each of them to whole grams."""

# A part may be over its whole by rounding and by method: USDA's sugars are up to 1.04 g over the carbohydrate.
_ROUNDING_GRAMS, _ROUNDING_SHARE = 1.1, 0.05

# 100 kJ: what zeros for protein, carbohydrate and fat may leave to acids, as in vinegar.
_LITTLE_KCAL = 24.0

_WORDS = {
    "protein": "protein",
    "carbs": "carbohydrate",
    "fat": "fat",
    "alcohol": "alcohol",
    "fiber": "fibre",
    "sugar": "sugars",
}
_MACROS = ("protein", "carbs", "fat")


def possible_weights(
    given: SourceNutrients, food: str, *, without_fiber: bool
) -> tuple[SourceNutrients, list[str]]:
    """`given` without the weights that cannot be, and the reasons. `without_fiber`: carbohydrate excludes fibre."""
    reasons: list[str] = []
    for judge in (_each, _together):
        for reason, names in list(judge(given, food)):
            given = structs.replace(given, **dict.fromkeys(names))
            reasons.append(f"{reason}: {_listed(names)} unknown")
    for name, most in _wholes(given, without_fiber=without_fiber):
        value = getattr(given, name)
        if value is not None and value > tolerated(most):
            given = structs.replace(given, **{name: None})
            reasons.append(
                f"{value:g} g of {_WORDS[name]} beside {most:g} g cannot be: {_WORDS[name]} unknown"
            )
    return given, reasons


def tolerated(most: float) -> float:
    """What a part may weigh of a whole of `most` grams."""
    return most + max(_ROUNDING_GRAMS, _ROUNDING_SHARE * most)


def _each(given: SourceNutrients, _: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in (*_MACROS, "alcohol"):
        value = getattr(given, name)
        if value is not None and value > 100 + _ROUNDING_GRAMS:
            yield f"{value:g} g of {_WORDS[name]} in 100 g cannot be", (name,)


def _together(given: SourceNutrients, food: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if given.grams > MOST_GRAMS:
        yield f"protein, carbohydrate and fat weigh {given.grams:g} g in 100 g", _MACROS
    energy = max(given.kcal or 0, (given.kj or 0) / KJ_PER_KCAL)
    none = (given.protein, given.carbs, given.fat) == (0, 0, 0)
    if none and energy > _LITTLE_KCAL and not given.alcohol and not may_hold_alcohol(food):
        yield f"protein, carbohydrate and fat are zero beside {energy:.0f} kcal", _MACROS


def _wholes(given: SourceNutrients, *, without_fiber: bool) -> Iterator[tuple[str, float]]:
    """Sugars are carbohydrate; fibre is too in US sources, and in EU ones may be all that is left of the 100 g.

    Sources mix both: a US label that is copied into an EU database still includes the fibre.
    """
    yield "sugar", 100.0 if given.carbs is None else given.carbs
    left = max(0.0, 100 - given.grams) if without_fiber or given.carbs is None else 0.0
    yield "fiber", max(given.carbs or 0.0, left)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(_WORDS[name] for name in names)
