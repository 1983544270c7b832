"""Energy against 4/4/9/7 (protein, carbohydrate, fat, alcohol) and against kJ ÷ 4.184.

Over USDA's 14,458 generic foods the energy is not under 0.47 of 4/4/9 (cocoa, bran, baking powder: fibre, acids,
polyols) but for sweeteners, and not over 1.7 of it but for alcohol. kJ taken for kcal are 4.2 times as much, kcal
taken for kJ 0.24: both lie far outside.
"""

from ledger.nutrition import KJ_PER_KCAL
from ledger.plausibility.source import SourceNutrients, same
from ledger.plausibility.words import may_hold_alcohol, may_hold_polyols

MOST_KCAL = 905.0
"""100 g of pure fat give 900 kcal; USDA's oils go to 902."""

# Per gram. Fibre has 2 (Regulation (EU) 1169/2011, annex XIV).
_PROTEIN_KCAL, _CARBS_KCAL, _FAT_KCAL, _ALCOHOL_KCAL, _FIBER_KCAL = 4, 4, 9, 7, 2

_LEAST_SHARE, _MOST_SHARE, _SLACK_KCAL = 0.45, 1.7, 20.0
_PROOF_SHARE, _PROOF_KCAL = 0.25, 5.0

# USDA's general and specific energy factors differ by a third for vegetables.
_SAME_SHARE, _SAME_KCAL = 0.35, 5.0


class EnergyCheck:
    """The energy of one food whose weights have been judged."""

    def __init__(self, given: SourceNutrients, food: str, *, without_fiber: bool) -> None:
        self._given = given
        self._without_fiber = without_fiber
        self._may_hold_polyols = may_hold_polyols(food)
        self._may_hold_unknown_alcohol = not given.alcohol and may_hold_alcohol(food)

    def kcal(self) -> tuple[float | None, str | None]:
        """As given where it can be, else as the weights prove it, else unknown; with the reason for any but the first.

        Computed from the weights where none is given, or a zero that cannot be.
        """
        kcal, kj = self._given.kcal, self._given.kj
        by_kj = None if kj is None else kj / KJ_PER_KCAL
        if kcal and by_kj and not same(kcal, by_kj, share=_SAME_SHARE, slack=_SAME_KCAL):
            proven, reason = self._proven((kcal, by_kj), f"{kcal:g} kcal are not {kj:g} kJ")
            return proven, None if proven == kcal else reason
        value = kcal or by_kj
        value = kcal if value is None else value
        if value is None:
            computed, reason = self._computed("the record gives no energy")
            return computed, None if computed is None else reason
        if self._can_be(value):
            return value, None
        reason = f"{value:.0f} kcal do not fit protein, carbohydrate and fat"
        if value == 0:
            return self._computed(reason)
        return self._proven((value / KJ_PER_KCAL, value * KJ_PER_KCAL), reason)

    def _can_be(self, kcal: float) -> bool:
        expected = self._expected()
        if kcal < _LEAST_SHARE * expected - _SLACK_KCAL and not self._may_hold_polyols:
            return False
        return kcal <= min(MOST_KCAL, _MOST_SHARE * expected + _SLACK_KCAL + self._most_of_unknown())

    def _most_of_unknown(self) -> float:
        """What the weights that the source does not give may add in kcal."""
        left = max(0.0, 100 - self._given.grams)
        fiber = _FIBER_KCAL * (self._given.fiber or 0) if self._without_fiber else 0.0
        if not self._given.knows_all_grams:
            return fiber + _FAT_KCAL * left
        return fiber + (_ALCOHOL_KCAL * left if self._may_hold_unknown_alcohol else 0.0)

    def _proven(self, options: tuple[float, float], reason: str) -> tuple[float | None, str]:
        """The option that is next to the energy of the known weights, if it is near enough to be meant."""
        expected = self._expected()
        best = min(options, key=lambda option: abs(option - expected))
        near = abs(best - expected) <= _PROOF_SHARE * expected + _PROOF_KCAL
        if expected and near and best <= MOST_KCAL and not self._may_hold_unknown_alcohol:
            return best, f"{reason}: {best:.0f} kcal were taken"
        return None, f"{reason}: the energy is unknown"

    def _computed(self, reason: str) -> tuple[float | None, str]:
        if not self._given.knows_all_grams or self._may_hold_unknown_alcohol:
            return None, f"{reason}: the energy is unknown"
        fiber = _FIBER_KCAL * (self._given.fiber or 0)
        kcal = max(0.0, self._expected() + (fiber if self._without_fiber else -fiber))
        return kcal, f"{reason}: {kcal:.0f} kcal were computed from protein, carbohydrate and fat"

    def _expected(self) -> float:
        """4/4/9/7 of the known weights; sugars stand for an unknown carbohydrate."""
        given = self._given
        carbs = given.carbs if given.carbs is not None else given.sugar
        return (
            _PROTEIN_KCAL * (given.protein or 0)
            + _CARBS_KCAL * (carbs or 0)
            + _FAT_KCAL * (given.fat or 0)
            + _ALCOHOL_KCAL * (given.alcohol or 0)
        )
