"""The USDA part of the local tables: foods and their nutrients per 100 g.

The generic foods are those of the table that the product itself carries; only the file is shared, none of its code.
"""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import count

from ops.stand_ins.food_data import number, rows
from ops.stand_ins.usda_nutrients import (
    CARBOHYDRATE,
    ENERGY,
    ENERGY_GENERAL,
    ENERGY_KJ,
    ENERGY_SPECIFIC,
    FAT,
    FIBER,
    OPTIONAL,
    PROTEIN,
    SODIUM,
    SUGARS,
    SUGARS_NLEA,
    Nutrient,
)

FIRST_LOCAL_ID = 9_000_001
_FIRST_SURVEY_ID = 9_100_001
_FIRST_FOUNDATION_ID = 9_200_001
_KJ_PER_KCAL = 4.184


class DataType(StrEnum):
    """FoodData Central's data types, in its own spelling."""

    FOUNDATION = "Foundation"
    SR_LEGACY = "SR Legacy"
    SURVEY = "Survey (FNDDS)"
    BRANDED = "Branded"


@dataclass(frozen=True, slots=True)
class UsdaFood:
    """A food. `values` are its nutrients per 100 g by column, as the table has them: empty is not known."""

    fdc_id: int
    data_type: DataType
    description: str
    category: str
    values: Mapping[str, str]
    ndb_number: str = ""
    common_names: str = ""
    scientific_name: str = ""
    brand_owner: str = ""
    serving_g: float | None = None

    @property
    def has_local_id(self) -> bool:
        """Whether the number is ours, because USDA's for this food is not known."""
        return self.fdc_id >= FIRST_LOCAL_ID

    @property
    def amounts(self) -> dict[Nutrient, float | None]:
        """Its amounts per 100 g by nutrient; None is not known."""
        sugars = SUGARS_NLEA if self.data_type is DataType.FOUNDATION else SUGARS
        columns = {"protein": PROTEIN, "fat": FAT, "carbs": CARBOHYDRATE, "fiber": FIBER, "sugar": sugars}
        columns |= {"sodium": SODIUM} | (OPTIONAL if self.data_type is not DataType.BRANDED else {})
        return self._energy() | {key: number(self.values[name]) for name, key in columns.items()}

    def _energy(self) -> dict[Nutrient, float | None]:
        """In the forms of the real tables: both units, by Atwater's factors only, or one unit only."""
        kcal = number(self.values["calories"])
        kilojoules = None if kcal is None else float(round(kcal * _KJ_PER_KCAL))
        if self.values.get("energy") == "kj":
            return {ENERGY_KJ: kilojoules}
        if self.data_type is DataType.FOUNDATION:
            specific = {} if kcal is None else {ENERGY_SPECIFIC: kcal}
            return {ENERGY_GENERAL: self._atwater_general()} | specific
        if self.data_type is DataType.SR_LEGACY:
            return {ENERGY: kcal, ENERGY_KJ: kilojoules}
        return {ENERGY: kcal}

    def _atwater_general(self) -> float | None:
        """4 kcal per g of protein and of carbohydrate, 9 per g of fat; unknown where one of them is."""
        protein, carbs, fat = (number(self.values[name]) for name in ("protein", "carbs", "fat"))
        if protein is None or carbs is None or fat is None:
            return None
        return float(round(4 * protein + 4 * carbs + 9 * fat))


@cache
def load_usda_foods() -> tuple[UsdaFood, ...]:
    """Every food: the generic ones in the table's order, then the branded ones."""
    return (*_generic_foods(), *_branded_foods())


def _generic_foods() -> Iterator[UsdaFood]:
    """The table has USDA's own numbers for none of them: the ids count on from a first one for each data type."""
    packed = (files("adapters") / "food_table" / "usda_generic_foods.csv.gz").read_bytes()
    survey, foundation = count(_FIRST_SURVEY_ID), count(_FIRST_FOUNDATION_ID)
    for row in csv.DictReader(io.StringIO(gzip.decompress(packed).decode())):
        match row["table"]:
            case "SR28":
                yield _generic(row, FIRST_LOCAL_ID - 1 + int(row["id"]), DataType.SR_LEGACY)
            case "FNDDS":
                yield _generic(row, next(survey), DataType.SURVEY)
            case _:
                yield _generic(row, next(foundation), DataType.FOUNDATION)


def _generic(row: Mapping[str, str], fdc_id: int, data_type: DataType) -> UsdaFood:
    return UsdaFood(
        fdc_id=fdc_id,
        data_type=data_type,
        description=row["description"],
        category=row["group"],
        values=row,
        ndb_number=row["id"],
        common_names=row["common_name"],
        scientific_name=row["scientific_name"],
    )


def _branded_foods() -> Iterator[UsdaFood]:
    for row in rows("branded_foods.csv"):
        yield UsdaFood(
            fdc_id=int(row["fdc_id"]),
            data_type=DataType.BRANDED,
            description=row["description"],
            category=row["category"],
            values=row,
            brand_owner=row["brand_owner"],
            serving_g=number(row["serving_g"]),
        )
