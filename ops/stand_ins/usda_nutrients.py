"""The nutrients of the local tables as FoodData Central numbers them."""

from dataclasses import dataclass


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

OPTIONAL = {
    "saturated_fat": Nutrient(1258, "606", "Fatty acids, total saturated", "G", 9700),
    "cholesterol": Nutrient(1253, "601", "Cholesterol", "MG", 15700),
    "potassium": Nutrient(1092, "306", "Potassium, K", "MG", 5700),
    "calcium": Nutrient(1087, "301", "Calcium, Ca", "MG", 5300),
    "iron": Nutrient(1089, "303", "Iron, Fe", "MG", 5400),
    "magnesium": Nutrient(1090, "304", "Magnesium, Mg", "MG", 5500),
    "vitamin_a": Nutrient(1106, "320", "Vitamin A, RAE", "UG", 7420),
    "vitamin_c": Nutrient(1162, "401", "Vitamin C, total ascorbic acid", "MG", 6300),
    "vitamin_d": Nutrient(1114, "328", "Vitamin D (D2 + D3)", "UG", 8700),
    "vitamin_b12": Nutrient(1178, "418", "Vitamin B-12", "UG", 7300),
}
"""By their columns in the table of generic foods."""
