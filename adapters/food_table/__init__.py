"""The table of generic USDA foods that is part of the package."""

from adapters.food_table.table import FoodTable, TableFood, load_foods

__all__ = ["FoodTable", "TableFood", "load_foods"]
