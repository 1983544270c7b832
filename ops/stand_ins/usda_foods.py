"""The USDA part of the local tables: foods and their nutrients per 100 g, as FoodData Central numbers them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ops.stand_ins.food_data import number, rows

FIRST_LOCAL_ID = 9_000_001
_KJ_PER_KCAL = 4.184


class DataType(StrEnum):
    """FoodData Central's data types, in its own spelling."""

    FOUNDATION = "Foundation"
    SR_LEGACY = "SR Legacy"
    SURVEY = "Survey (FNDDS)"
    BRANDED = "Branded"


@dataclass(frozen=True, slots=True)
class Nutrient:
    """One nutrient as FoodData Central knows it; `rank` is its place in USDA's own lists."""

    id: int
    number: str
    name: str
    unit: str
    rank: int


ENERGY = Nutrient(1008, "208", "Energy", "KCAL", 300)
ENERGY_KJ = Nutrient(1062, "268", "Energy", "kJ", 400)
ENERGY_GENERAL = Nutrient(2047, "957", "Energy (Atwater General Factors)", "KCAL", 280)
ENERGY_SPECIFIC = Nutrient(2048, "958", "Energy (Atwater Specific Factors)", "KCAL", 290)
PROTEIN = Nutrient(1003, "203", "Protein", "G", 600)
FAT = Nutrient(1004, "204", "Total lipid (fat)", "G", 800)
CARBOHYDRATE = Nutrient(1005, "205", "Carbohydrate, by difference", "G", 1110)
FIBER = Nutrient(1079, "291", "Fiber, total dietary", "G", 1200)
SUGARS = Nutrient(2000, "269", "Total Sugars", "G", 1510)
SUGARS_NLEA = Nutrient(1063, "269.3", "Sugars, Total NLEA", "G", 1500)
SODIUM = Nutrient(1093, "307", "Sodium, Na", "MG", 5800)


@dataclass(frozen=True, slots=True)
class UsdaFood:
    """A food and its known amounts per 100 g; None is not known. `published` is empty where it is not known."""

    fdc_id: int
    data_type: DataType
    published: str
    description: str
    category: str
    amounts: Mapping[Nutrient, float | None]
    serving_g: float | None

    @property
    def has_local_id(self) -> bool:
        """Whether the number is ours, because USDA's for this food is not known."""
        return self.fdc_id >= FIRST_LOCAL_ID


def load_usda_foods() -> tuple[UsdaFood, ...]:
    """Every food of the table, in its order."""
    return tuple(_food(row) for row in rows("usda_foods.csv"))


def _food(row: Mapping[str, str]) -> UsdaFood:
    data_type = DataType(row["data_type"])
    sugars = SUGARS_NLEA if data_type is DataType.FOUNDATION else SUGARS
    return UsdaFood(
        fdc_id=int(row["fdc_id"]),
        data_type=data_type,
        published=row["published"],
        description=row["description"],
        category=row["category"],
        amounts=_energy(row, data_type)
        | {
            PROTEIN: number(row["protein_g"]),
            FAT: number(row["fat_g"]),
            CARBOHYDRATE: number(row["carbs_g"]),
            FIBER: number(row["fiber_g"]),
            sugars: number(row["sugar_g"]),
            SODIUM: number(row["sodium_mg"]),
        },
        serving_g=number(row["serving_g"]),
    )


def _energy(row: Mapping[str, str], data_type: DataType) -> dict[Nutrient, float | None]:
    """Energy in the form that the row asks for; the real tables have each of them."""
    kcal = number(row["kcal"])
    kilojoules = None if kcal is None else float(round(kcal * _KJ_PER_KCAL))
    if row["energy"] == "kj":
        return {ENERGY_KJ: kilojoules}
    if row["energy"] == "atwater":
        known: dict[Nutrient, float | None] = {ENERGY_GENERAL: _atwater_general(row)}
        return known if kcal is None else known | {ENERGY_SPECIFIC: kcal}
    if data_type is DataType.SR_LEGACY:
        return {ENERGY: kcal, ENERGY_KJ: kilojoules}
    return {ENERGY: kcal}


def _atwater_general(row: Mapping[str, str]) -> float:
    """4 kcal per g of protein and of carbohydrate, 9 per g of fat."""
    return float(round(4 * float(row["protein_g"]) + 4 * float(row["carbs_g"]) + 9 * float(row["fat_g"])))
