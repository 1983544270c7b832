"""Amounts, states and confidences as models write them when they do not keep to the schema that they were given."""

import math
import re

from msgspec import Struct

from ledger import FoodState

_LONGEST = 60
"""Characters of a text that are looked at; an amount takes fewer."""

_NUMBER = r"(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
_UNIT = r"(?:kg|mg|g|gr|gms?|grams?|grammes?|oz|ounces?|lbs?|pounds?|ml)"
_AMOUNT = re.compile(
    rf"(?:about|approx\.?|approximately|around|roughly|ca\.?|circa|~|≈)?\s*"
    rf"(?P<least>{_NUMBER})\s*(?P<unit>{_UNIT})?"
    rf"(?:\s*(?:[-~\u2013\u2014]|to|or)\s*(?P<most>{_NUMBER})\s*(?P<last_unit>{_UNIT})?)?"
    r"\.?\s*(?:\(.*)?",
    re.IGNORECASE | re.DOTALL,
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_GRAMS = {"kg": 1000.0, "mg": 0.001, "oz": 28.349523125, "ou": 28.349523125, "lb": 453.59237, "po": 453.59237}
"""Grams in a unit, by its first two letters; the pound is exactly 453.59237 g. Every other unit is the gram."""

_COOKED = frozenset({"COOKED", "BAKED", "BOILED", "FRIED", "GRILLED", "ROASTED", "STEAMED", "TOASTED"})
_RAW = frozenset({"RAW", "FRESH", "UNCOOKED"})

_PER_CENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*(%?)")
_CONFIDENCES = {
    "very high": 0.95,
    "high": 0.9,
    "medium": 0.6,
    "moderate": 0.6,
    "low": 0.3,
    "very low": 0.1,
}
"""What a confidence in words is taken for: our own choice, for a person to compare foods by."""


class Amount(Struct, frozen=True):
    """Grams as the model gave them, NaN where it gave none that can be read. `doubt` says what was assumed."""

    grams: float
    doubt: str | None = None


def amount_of(said: object) -> Amount:
    """The amount in a number, or in a text as "150", "150 g", "100-150 g", of which the mean is taken.

    A millilitre is taken for a gram: a doubt, like a range.
    """
    if isinstance(said, float):
        return Amount(said)
    parsed = _AMOUNT.fullmatch(said[:_LONGEST].strip()) if isinstance(said, str) else None
    if parsed is None:
        return Amount(math.nan)
    unit = (parsed["last_unit"] or parsed["unit"] or "g").lower()
    least = _value(parsed["least"]) * _grams_in((parsed["unit"] or unit).lower())
    if parsed["most"] is None:
        return Amount(
            least, "the model gave millilitres, and 1 ml was taken for 1 g" if unit == "ml" else None
        )
    most = _value(parsed["most"]) * _grams_in(unit)
    return Amount((least + most) / 2, f"the model gave {least:g} to {most:g} g, and the mean was taken")


def state_of(said: object) -> FoodState | None:
    """The state, in whatever case; a way of cooking is COOKED. None for anything else."""
    word = said[:_LONGEST].strip().upper() if isinstance(said, str) else ""
    if word in _COOKED:
        return FoodState.COOKED
    return FoodState.RAW if word in _RAW else None


def confidence_of(said: object) -> float | None:
    """The confidence from 0 to 1, also of per cents (85, "85%") and words ("high"). None where it says nothing."""
    if isinstance(said, str):
        text = said[:_LONGEST].strip().lower()
        if text in _CONFIDENCES:
            return _CONFIDENCES[text]
        parsed = _PER_CENT.fullmatch(text)
        if parsed is None:
            return None
        value = float(parsed[1])
        return _share(value / 100) if parsed[2] else confidence_of(value)
    if not isinstance(said, float):
        return None
    # Between 1 and 2 it is no per cent that a model would give, but a slip.
    return said / 100 if 2 <= said <= 100 else _share(said)


def _share(value: float) -> float | None:
    return value if 0 <= value <= 1 else None


def _value(text: str) -> float:
    decimal = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(",", ".")
    return float(decimal)


def _grams_in(unit: str) -> float:
    return _GRAMS.get(unit[:2], 1.0)
