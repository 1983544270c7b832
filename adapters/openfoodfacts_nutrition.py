"""The nutrients of an OpenFoodFacts product: in `nutriments`, or in the newer `nutrition`; as sold, or prepared."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from adapters.food_answers import number, text
from ledger import SourceNutrients

_MG_PER_G = 1_000
_UG_PER_G = 1_000_000
_ALCOHOL_G_PER_ML = 0.789

_OPTIONAL = {
    "saturated_fat": ("saturated-fat", 1),
    "cholesterol": ("cholesterol", _MG_PER_G),
    "potassium": ("potassium", _MG_PER_G),
    "calcium": ("calcium", _MG_PER_G),
    "iron": ("iron", _MG_PER_G),
    "magnesium": ("magnesium", _MG_PER_G),
    "vitamin_a": ("vitamin-a", _UG_PER_G),
    "vitamin_c": ("vitamin-c", _MG_PER_G),
    "vitamin_d": ("vitamin-d", _UG_PER_G),
    "vitamin_b12": ("vitamin-b12", _UG_PER_G),
}
"""The service's name of each, and what turns its grams into the unit of `Nutrients`."""

# A product's prepared form is told by one of these: a label that gives only its salt says nothing of the dish.
_TELLING = ("energy-kcal", "energy-kj", "energy", "proteins", "carbohydrates", "fat")

# Units of `nutrition`, in the standard ones. Energy keeps its unit by its name.
_GRAMS_PER_UNIT = {"g": 1.0, "mg": 1e-3, "µg": 1e-6, "μg": 1e-6, "mcg": 1e-6, "ug": 1e-6, "% vol": 1.0}
_PER_WEIGHT = ("100g", "100ml")


class ProductNutrients(Struct, frozen=True, kw_only=True):
    """The nutrients of 100 g, or of 100 ml where `per_100ml`."""

    nutrients: SourceNutrients
    per_100ml: bool


def product_nutrients(product: Mapping[str, object], *, dry: bool) -> ProductNutrients | None:
    """The nutrients of the product as it is eaten: prepared where the label says so, unless the `dry` one is meant.

    `_serving` values are not used, since what a serving weighs is often missing. None where the product gives
    nothing for 100 g or 100 ml. The values of one form are never filled up from the other.
    """
    for values, per_100ml in _forms(product, dry=dry):
        if any(name in values for name in _TELLING):
            return ProductNutrients(nutrients=_source_nutrients(values), per_100ml=per_100ml)
    return None


def _forms(product: Mapping[str, object], *, dry: bool) -> Iterator[tuple[dict[str, float], bool]]:
    """The values by the service's names, in standard units, of the forms that may be meant; the likelier first."""
    nutriments, nutrition = product.get("nutriments"), product.get("nutrition")
    preparations = ("as_sold",) if dry else ("prepared", "as_sold")
    for preparation in preparations:
        if isinstance(nutriments, dict):
            suffix = "_prepared_100g" if preparation == "prepared" else "_100g"
            yield _with_suffix(nutriments, suffix), _is_liquid(product)
        if isinstance(nutrition, dict):
            for nutrient_set in _sets(nutrition, preparation):
                yield _values_of(nutrient_set), nutrient_set.get("per") == "100ml"


def _with_suffix(nutriments: Mapping[str, object], suffix: str) -> dict[str, float]:
    """`<name>_100g` is in the standard unit: kJ for energy and energy-kj, kcal for energy-kcal, else grams."""
    values = {
        key.removesuffix(suffix): number(value)
        for key, value in nutriments.items()
        if isinstance(key, str) and key.endswith(suffix)
    }
    return {name: value for name, value in values.items() if value is not None}


def _is_liquid(product: Mapping[str, object]) -> bool:
    """What is sold by volume is declared by volume, although the service names it per 100 g."""
    units = {text(product.get(name)) for name in ("product_quantity_unit", "serving_quantity_unit")}
    return text(product.get("nutrition_data_per")) == "100ml" or "ml" in units


def _sets(nutrition: Mapping[str, object], preparation: str) -> Iterator[Mapping[str, object]]:
    """The aggregated set first, which the service makes of the entered ones."""
    entered = nutrition.get("input_sets")
    for nutrient_set in (nutrition.get("aggregated_set"), *(entered if isinstance(entered, list) else ())):
        if (
            isinstance(nutrient_set, dict)
            and nutrient_set.get("preparation") == preparation
            and nutrient_set.get("per") in _PER_WEIGHT
        ):
            yield nutrient_set


def _values_of(nutrient_set: Mapping[str, object]) -> dict[str, float]:
    nutrients = nutrient_set.get("nutrients")
    if not isinstance(nutrients, dict):
        return {}
    read = (_value_of(name, entry) for name, entry in nutrients.items() if isinstance(entry, dict))
    return {name: value for name, value in read if value is not None}


def _value_of(name: str, entry: Mapping[str, object]) -> tuple[str, float | None]:
    value, unit = number(entry.get("value")), (text(entry.get("unit")) or "").lower()
    if name.startswith("energy"):
        return {"kcal": "energy-kcal", "kj": "energy-kj"}.get(unit, name), value
    grams = _GRAMS_PER_UNIT.get(unit)
    return name, None if value is None or grams is None else value * grams


def _source_nutrients(values: Mapping[str, float]) -> SourceNutrients:
    return SourceNutrients(
        kcal=values.get("energy-kcal"),
        kj=values.get("energy-kj", values.get("energy")),
        protein=values.get("proteins"),
        carbs=values.get("carbohydrates"),
        fat=values.get("fat"),
        alcohol=_scaled(values.get("alcohol"), _ALCOHOL_G_PER_ML),
        fiber=values.get("fiber"),
        sugar=values.get("sugars"),
        sodium=_scaled(values.get("sodium"), _MG_PER_G),
        salt=values.get("salt"),
        optional={name: _scaled(values.get(key), factor) for name, (key, factor) in _OPTIONAL.items()},
    )


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
