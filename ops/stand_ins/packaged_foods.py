"""The packaged products of the local tables, in OpenFoodFacts' own units."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ops.stand_ins.food_data import LOCAL_LABEL, number, rows

_KJ_PER_KCAL = 4.184
_SALT_PER_SODIUM = 2.5

Json = dict[str, object]


class Form(StrEnum):
    """How a product's nutriments are written; each form is met in the real data."""

    PLAIN = "plain"
    STRINGS = "strings"
    KILOJOULES_ONLY = "kj"
    PREPARED_ONLY = "prepared"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PackagedFood:
    """A product and its label per 100 g or 100 ml: kcal, grams (sodium too); None is not known."""

    code: str
    name: str
    brands: str
    quantity: str
    serving_size: str
    serving_quantity: float | None
    kcal: float | None
    grams: Mapping[str, float | None]
    form: Form


def load_packaged_foods() -> tuple[PackagedFood, ...]:
    """Every product of the table, in its order."""
    return tuple(_product(row) for row in rows("packaged_foods.csv"))


def _product(row: Mapping[str, str]) -> PackagedFood:
    return PackagedFood(
        code=row["code"],
        name=row["product_name"],
        brands=row["brands"],
        quantity=row["quantity"],
        serving_size=row["serving_size"],
        serving_quantity=number(row["serving_quantity"]),
        kcal=number(row["kcal"]),
        grams={
            "proteins": number(row["protein_g"]),
            "carbohydrates": number(row["carbs_g"]),
            "fat": number(row["fat_g"]),
            "fiber": number(row["fiber_g"]),
            "sugars": number(row["sugar_g"]),
            "sodium": number(row["sodium_g"]),
        },
        form=Form(row["form"]),
    )


def product_document(product: PackagedFood) -> Json:
    """The product as a read answers it; without `nutriments` when nothing is known of them."""
    document: Json = {
        "code": product.code,
        "product_name": product.name,
        "brands": product.brands,
        "quantity": product.quantity,
        "nutrition_data_per": "100g",
        "product_type": f"food {LOCAL_LABEL}",
    }
    if product.serving_size:
        document |= {"serving_size": product.serving_size, "serving_quantity": product.serving_quantity}
    if product.form is not Form.NONE:
        document["nutriments"] = _nutriments(product)
    return document


def _nutriments(product: PackagedFood) -> Json:
    """`_100g` values in standard units (g, kJ, kcal); `_value` with `_unit` is what the label says, sodium in mg."""
    suffix = "_prepared_100g" if product.form is Form.PREPARED_ONLY else "_100g"
    known = {name: value for name, value in product.grams.items() if value is not None}
    found: Json = {f"{name}{suffix}": value for name, value in known.items()}
    found |= {f"{name}_unit": "g" for name in known}
    if "sodium" in known:
        found |= {
            f"salt{suffix}": round(known["sodium"] * _SALT_PER_SODIUM, 4),
            "sodium_value": round(known["sodium"] * 1000, 1),
            "sodium_unit": "mg",
        }
    found |= _energy(product, suffix)
    if product.form is Form.STRINGS:
        return {name: str(value) for name, value in found.items()}
    return found


def _energy(product: PackagedFood, suffix: str) -> Json:
    """`energy` is in kJ even where its `_unit`, the unit typed in, is kcal."""
    if product.kcal is None:
        return {}
    kilojoules = round(product.kcal * _KJ_PER_KCAL)
    found: Json = {f"energy{suffix}": kilojoules, f"energy-kj{suffix}": kilojoules}
    if product.form is Form.KILOJOULES_ONLY:
        return found | {"energy_value": kilojoules, "energy_unit": "kJ"}
    return found | {f"energy-kcal{suffix}": product.kcal, "energy_value": product.kcal, "energy_unit": "kcal"}
