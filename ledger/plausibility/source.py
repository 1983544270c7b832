"""What a source says of 100 g of a food, before anything is believed."""

import math
from collections.abc import Mapping

from msgspec import Struct, structs


class SourceNutrients(Struct, frozen=True, kw_only=True):
    """The nutrients of 100 g as a source gives them; `None` where it gives none.

    Energy in kcal and in kJ apart; protein, carbs, fat, alcohol, fiber, sugar and salt in g; sodium in mg; `optional`
    by the names of OPTIONAL_NUTRIENTS, in the units of `Nutrients`.
    """

    kcal: float | None = None
    kj: float | None = None
    protein: float | None = None
    carbs: float | None = None
    fat: float | None = None
    alcohol: float | None = None
    fiber: float | None = None
    sugar: float | None = None
    sodium: float | None = None
    salt: float | None = None
    optional: Mapping[str, float | None] = {}

    @property
    def grams(self) -> float:
        """What the known ones of protein, carbohydrate and fat weigh together."""
        return sum(value or 0 for value in (self.protein, self.carbs, self.fat))

    @property
    def knows_all_grams(self) -> bool:
        return None not in (self.protein, self.carbs, self.fat)


def readable(given: SourceNutrients) -> SourceNutrients:
    """`given` without numbers that say nothing: negative ones, and ones that are not finite."""
    values = {name: _number(value) for name, value in structs.asdict(given).items() if name != "optional"}
    return SourceNutrients(
        **values, optional={name: _number(value) for name, value in given.optional.items()}
    )


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def same(one: float, other: float, *, share: float, slack: float) -> bool:
    """Whether two numbers of one thing agree: within a share of the greater one, or within `slack`."""
    return abs(one - other) <= max(slack, share * max(one, other))
