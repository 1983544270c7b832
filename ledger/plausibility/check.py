"""The check itself: the weights first, since energy and parts are judged by them."""

from msgspec import Struct

from ledger.nutrition import Nutrients
from ledger.plausibility.energy import EnergyCheck
from ledger.plausibility.optional import possible_optional
from ledger.plausibility.sodium import possible_sodium, sodium_of_salt
from ledger.plausibility.source import SourceNutrients, readable
from ledger.plausibility.weights import possible_weights
from ledger.plausibility.words import may_have_no_energy
from ledger.ports import Remark
from ledger.values import CarbohydrateBasis, WarningCode

# 12.5 g of salt: what holds more of it is a seasoning, which may have no energy.
_SEASONING_SODIUM_MG = 5_000.0


class PlausibleNutrients(Struct, frozen=True, kw_only=True):
    """The nutrients of 100 g that can be, and what was mended in them or left unknown."""

    per_100g: Nutrients
    remarks: tuple[Remark, ...]


def plausible(
    given: SourceNutrients, *, food: str, basis: CarbohydrateBasis | None
) -> PlausibleNutrients | None:
    """The nutrients of a record that can be, or None when it knows neither energy nor protein, carbohydrate or fat.

    None too for zeros throughout. `food` is the record's name, with its category where the source has one: its words
    tell foods without energy (water, coffee, tea, diet drinks, salt), sweeteners and alcoholic drinks apart. `basis`
    says whether the carbohydrate includes the fibre; None is taken as included.
    """
    without_fiber = basis is CarbohydrateBasis.WITHOUT_FIBER
    known = readable(given)
    if _is_all_zero(known) and not _may_be_zero(known, food):
        return None
    known, of_weights = possible_weights(known, food, without_fiber=without_fiber)
    calories, of_energy = EnergyCheck(known, food, without_fiber=without_fiber).kcal()
    sodium, of_sodium = possible_sodium(known.sodium, known.salt)
    optional, of_optional = possible_optional(known)
    if all(value is None for value in (calories, known.protein, known.carbs, known.fat)):
        return None
    reasons = (*of_weights, of_energy, of_sodium, *of_optional)
    return PlausibleNutrients(
        per_100g=Nutrients.of(
            calories=calories,
            protein=known.protein,
            carbs=known.carbs,
            fat=known.fat,
            fiber=known.fiber,
            sugar=known.sugar,
            sodium=sodium,
            **optional,
        ),
        remarks=tuple(_remark(reason) for reason in reasons if reason is not None),
    )


def _is_all_zero(known: SourceNutrients) -> bool:
    telling = (known.kcal, known.kj, known.protein, known.carbs, known.fat, known.alcohol)
    return not any(telling) and any(value == 0 for value in telling)


def _may_be_zero(known: SourceNutrients, food: str) -> bool:
    sodium = max(known.sodium or 0, sodium_of_salt(known.salt) or 0)
    return sodium >= _SEASONING_SODIUM_MG or may_have_no_energy(food)


def _remark(reason: str) -> Remark:
    message = f"{reason[0].upper()}{reason[1:]}."
    return Remark(code=WarningCode.NUTRIENTS_IMPLAUSIBLE, message=message)
