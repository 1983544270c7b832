"""Food matching: which of the records that a nutrient database offers is the food on the plate."""

from ledger.food_matching.matching import Match, best_match

__all__ = ["Match", "best_match"]
