"""Nutrients, exact in thousandths: sums and scalings are done in whole thousandths, so no total depends on order.

A stored value is a float that has at most three decimals; the arithmetic turns it into an integer count of
thousandths and back, which is exact below 2**53 / 1000, about nine billion grams.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Self

from msgspec import Struct, structs

KJ_PER_KCAL = 4.184
"""The thermochemical kilocalorie, by its definition, in kJ; the food databases convert by it."""

MOST = 100_000.0
"""No food holds more of any nutrient in 100 g: pure salt has 39,000 mg of sodium, pure fat 900 kcal."""

MIN_GRAMS, MAX_GRAMS = 0.001, 10_000.0
"""The bounds of one entry's amount, in grams."""

NUTRIENTS = ("calories", "protein", "carbs", "fat", "fiber", "sugar", "sodium")
"""The names of the seven nutrients that `complete` speaks of, in the order in which they are shown."""

OPTIONAL_NUTRIENTS = (
    "saturated_fat",
    "cholesterol",
    "potassium",
    "calcium",
    "iron",
    "magnesium",
    "vitamin_a",
    "vitamin_c",
    "vitamin_d",
    "vitamin_b12",
)
"""The names of the nutrients that many sources do not give, in the order in which they are shown."""


def to_thousandths(value: float) -> int:
    """A stored value, of three decimals at most, as a whole number of thousandths."""
    return round(value * 1000)


def rounded(value: float) -> float:
    """`value` correctly rounded to the three decimals that are stored, half to even."""
    return round(value, 3)


def is_amount(grams: float) -> bool:
    """Whether `grams` may be the amount of an entry: finite and, as stored, within MIN_GRAMS and MAX_GRAMS."""
    return math.isfinite(grams) and MIN_GRAMS <= rounded(grams) <= MAX_GRAMS


def _divided_half_even(numerator: int, denominator: int) -> int:
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))


class Nutrients(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Energy in kcal; protein, carbs, fat, fiber and sugar in g; sodium in mg. `None` is unknown, which is not zero.

    `complete`: every part of the total knew all seven. An incomplete total is the sum of the known values.

    The optional ones: saturated_fat in g; cholesterol, potassium, calcium, iron, magnesium and vitamin_c in mg;
    vitamin_a (retinol activity equivalents), vitamin_d and vitamin_b12 in micrograms. `partial` names those of them
    that some parts of the total did not know, so that the value is the sum of the known ones.
    """

    calories: float | None
    protein: float | None
    carbs: float | None
    fat: float | None
    fiber: float | None
    sugar: float | None
    sodium: float | None
    complete: bool
    saturated_fat: float | None = None
    cholesterol: float | None = None
    potassium: float | None = None
    calcium: float | None = None
    iron: float | None = None
    magnesium: float | None = None
    vitamin_a: float | None = None
    vitamin_c: float | None = None
    vitamin_d: float | None = None
    vitamin_b12: float | None = None
    partial: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        calories: float | None = None,
        protein: float | None = None,
        carbs: float | None = None,
        fat: float | None = None,
        fiber: float | None = None,
        sugar: float | None = None,
        sodium: float | None = None,
        **optional: float | None,
    ) -> Self:
        """The nutrients of one food, rounded to thousandths. An impossible value counts as unknown.

        `optional` are named as in OPTIONAL_NUTRIENTS.
        """
        values = [_possible(value) for value in (calories, protein, carbs, fat, fiber, sugar, sodium)]
        return cls(
            **dict(zip(NUTRIENTS, values, strict=True)),
            complete=None not in values,
            partial=(),
            **{name: _possible(value) for name, value in optional.items()},
        )

    def for_grams(self, grams: float) -> Self:
        """The nutrients of `grams` of the food, from the nutrients of 100 g; correctly rounded, half to even."""
        amount = to_thousandths(grams)
        scaled = {
            name: None
            if value is None
            else _divided_half_even(to_thousandths(value) * amount, 100 * 1000) / 1000
            for name, value in self._values()
        }
        return structs.replace(self, **scaled)

    def _values(self) -> Iterable[tuple[str, float | None]]:
        return ((name, getattr(self, name)) for name in (*NUTRIENTS, *OPTIONAL_NUTRIENTS))


def _possible(value: float | None) -> float | None:
    return rounded(value) if value is not None and 0 <= value <= MOST else None


UNKNOWN = Nutrients.of()
"""The nutrients of a food that no database knows."""


def total(parts: Iterable[Nutrients]) -> Nutrients:
    """The exact sum of the known values; of no parts, zero. A nutrient that no part knows stays unknown."""
    listed = list(parts)
    optional = {name: [getattr(part, name) for part in listed] for name in OPTIONAL_NUTRIENTS}
    sums = {name: _sum(values) for name, values in optional.items()}
    return Nutrients(
        **{name: _sum([getattr(part, name) for part in listed]) for name in NUTRIENTS},
        complete=all(part.complete for part in listed),
        **sums,
        partial=tuple(
            name
            for name, values in optional.items()
            if sums[name] is not None and (None in values or any(name in part.partial for part in listed))
        ),
    )


def _sum(values: Sequence[float | None]) -> float | None:
    known = [to_thousandths(value) for value in values if value is not None]
    return sum(known) / 1000 if known or not values else None
