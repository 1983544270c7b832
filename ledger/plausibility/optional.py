"""The optional nutrients against more than any food holds."""

from ledger.plausibility.source import SourceNutrients
from ledger.plausibility.weights import tolerated

MOST = {
    "cholesterol": 10_000.0,
    "potassium": 53_000.0,
    "calcium": 41_000.0,
    "iron": 1_000.0,
    "magnesium": 5_000.0,
    "vitamin_a": 70_000.0,
    "vitamin_c": 20_000.0,
    "vitamin_d": 1_000.0,
    "vitamin_b12": 1_000.0,
}
"""In 100 g, in the units of `Nutrients`: potassium as in potassium chloride, calcium as in its carbonate, the others
at least twice what any food of USDA's tables holds."""


def possible_optional(given: SourceNutrients) -> tuple[dict[str, float | None], list[str]]:
    """The optional nutrients without those that cannot be, and the reasons. Saturated fat is bounded by the fat."""
    most = MOST | {"saturated_fat": tolerated(100.0 if given.fat is None else given.fat)}
    values = dict(given.optional)
    reasons = []
    for name, value in given.optional.items():
        if value is not None and value > most[name]:
            values[name] = None
            words = name.replace("_", " ")
            reasons.append(f"{value:g} of {words} in 100 g cannot be: {words} unknown")
    return values, reasons
