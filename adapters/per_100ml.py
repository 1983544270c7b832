"""Nutrients per 100 ml, which labels of liquids give: converted where the serving tells the density, else said."""

import re

from msgspec import structs

from ledger import Remark, SourceNutrients, WarningCode

TAKEN_AS_GRAMS = Remark(
    code=WarningCode.AMOUNT_UNCERTAIN,
    message="The record gives nutrients per 100 ml of a liquid of unknown density: 100 ml were taken as 100 g.",
)

_MILLILITRES = re.compile(r"(?i)(\d+(?:[.,]\d+)?)\s*(ml|mlt|cl|l)\b")
_GRAMS = re.compile(r"(?i)(\d+(?:[.,]\d+)?)\s*(?:g|gr|grm|grams?)\b")
_ML_PER_UNIT = {"ml": 1.0, "mlt": 1.0, "cl": 10.0, "l": 1000.0}

# Spirits weigh 0.79 g per ml at least, honey and syrups 1.45: what is said outside is no density of a food.
_LEAST_DENSITY, _MOST_DENSITY = 0.75, 1.5


def density(serving: str) -> float | None:
    """In g per ml, from a serving that is given in both ("1 cup (240 ml / 250 g)"); else None."""
    volume, weight = _MILLILITRES.search(serving), _GRAMS.search(serving)
    if volume is None or weight is None:
        return None
    millilitres = _decimal(volume[1]) * _ML_PER_UNIT[volume[2].lower()]
    found = _decimal(weight[1]) / millilitres if millilitres else 0.0
    return found if _LEAST_DENSITY <= found <= _MOST_DENSITY else None


def per_100g_or_said(
    given: SourceNutrients, *, serving: str, is_liquid: bool
) -> tuple[SourceNutrients, tuple[Remark, ...]]:
    """The nutrients of 100 g; those of a liquid are given per 100 ml and converted where the serving tells its density.

    Else they stay as they are, with a remark that says so.
    """
    if not is_liquid:
        return given, ()
    grams_per_ml = density(serving)
    if grams_per_ml is None:
        return given, (TAKEN_AS_GRAMS,)
    return _per_100g(given, grams_per_ml), ()


def _per_100g(per_100ml: SourceNutrients, grams_per_ml: float) -> SourceNutrients:
    optional = {name: _scaled(value, grams_per_ml) for name, value in per_100ml.optional.items()}
    values = {
        name: _scaled(value, grams_per_ml)
        for name, value in structs.asdict(per_100ml).items()
        if name != "optional"
    }
    return SourceNutrients(**values, optional=optional)


def _scaled(value: float | None, grams_per_ml: float) -> float | None:
    return None if value is None else value / grams_per_ml


def _decimal(text: str) -> float:
    return float(text.replace(",", "."))
