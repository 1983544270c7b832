"""Numbers that cannot be: one check of a record's nutrients for every source, its reasons as remarks.

Anyone can enter a product, and tables have slips too: kJ typed as kcal, mg as g, zeros for what nobody filled in.
What the other numbers prove is mended; what they disprove is unknown; a record that knows nothing is no match.
"""

import math
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct, structs

from ledger.nutrition import KJ_PER_KCAL, Nutrients
from ledger.ports import Remark
from ledger.values import CarbohydrateBasis, WarningCode

MOST_KCAL = 905.0
"""100 g of pure fat give 900 kcal; USDA's oils go to 902."""

MOST_GRAMS = 103.0
"""What 100 g may hold of protein, carbohydrate and fat together, as labels round each of them to whole grams."""

MOST_SODIUM_MG = 39_000.0
"""Pure salt holds 38,758 mg of sodium in 100 g."""

SALT_PER_SODIUM = 2.5
"""The salt that labels declare is 2.5 times the sodium (Regulation (EU) 1169/2011, annex I)."""

MOST_OPTIONAL = {
    "cholesterol": 10_000.0,
    "potassium": 53_000.0,
    "calcium": 41_000.0,
    "iron": 1_000.0,
    "magnesium": 5_000.0,
    "vitamin_a": 70_000.0,
    "vitamin_c": 20_000.0,
    "vitamin_d": 1_000.0,
    "vitamin_b12": 1_000.0,
}
"""More than any food holds in 100 g: potassium as in potassium chloride, calcium as in its carbonate, the others
well over every food of USDA's tables. In the units of `Nutrients`."""

# Energy per gram. Fibre has 2 kcal (Regulation (EU) 1169/2011, annex XIV); where the basis counts it as carbohydrate,
# it is taken out first.
_PROTEIN_KCAL, _CARBS_KCAL, _FAT_KCAL, _ALCOHOL_KCAL, _FIBER_KCAL = 4, 4, 9, 7, 2

# Energy over 4/4/9/7 in USDA's 14,458 foods: not under 0.47 (cocoa, bran, baking powder: fibre, acids, polyols), not
# over 1.7 without alcohol. kJ taken for kcal are 4.2 times as much, the reverse 0.24.
_LEAST_SHARE, _MOST_SHARE = 0.45, 1.7
_SLACK_KCAL = 20.0
_PROOF_SHARE, _PROOF_KCAL = 0.25, 5.0

# Two numbers of one thing that agree. USDA's general and specific energy factors differ by a third for vegetables.
_SAME_ENERGY, _SAME_KCAL = 0.35, 5.0
_SAME_SODIUM, _SAME_SODIUM_MG = 0.15, 25.0
_ROUNDING_GRAMS, _ROUNDING_SHARE = 1.1, 0.05

# Between a number and its copy in the wrong unit lie 1,000, or 400 where salt was copied as sodium.
_LEAST_UNIT_SLIP = 100.0
_USUAL_SODIUM_MG = 4_000.0
_SEASONING_SODIUM_MG = 5_000.0

_ALCOHOLIC = re.compile(
    r"(?i)\b(?:alcohol\w*|ale|amaretto|aperitif|beers?|bi[eè]re|bier|bourbon|brandy|cerveza|champagne|cider|cocktails?"
    r"|cognac|cordial|daiquiri|extract|gin|grappa|kirsch|lager|liqueurs?|liquors?|margarita|martini|mead|mojito|pilsner"
    r"|port|porter|prosecco|punch|rum|sake|sangria|schnapps|scotch|sherry|soju|spritz|stout|tequila|vermouth|vinho|vino"
    r"|vin|vodka|wein|wh?isk[e]?y|wines?)\b"
)
_WITHOUT_ENERGY = re.compile(
    r"(?i)\b(?:water|eau|agua|acqua|wasser|seltzer|soda|tonic|coffee|espresso|caf[eé]|kaffee|teas?|th[eé]|tee|tisane"
    r"|infusion|diet|zero|z[eé]ro|sugar[- ]free|calorie[- ]free|unsweetened|broth|bouillon|stock|vinegar|salt|sel|sal"
    r"|salz|shirataki|konjac|bicarbonate)\b"
)
_SWEETENER = re.compile(
    r"(?i)\b(?:sweeteners?|sugar substitutes?|stevia|monk fruit|erythritol|sucralose|saccharin|aspartame|allulose"
    r"|[eé]dulcorant|s[uü](?:ß|ss)stoff)\b"
)


class SourceNutrients(Struct, frozen=True, kw_only=True):
    """The nutrients of 100 g as a source gives them; `None` where it gives none.

    Energy in kcal and in kJ apart; protein, carbs, fat, alcohol, fiber, sugar and salt in g; sodium in mg; `optional`
    by the names of OPTIONAL_NUTRIENTS, in the units of `Nutrients`.
    """

    kcal: float | None = None
    kj: float | None = None
    protein: float | None = None
    carbs: float | None = None
    fat: float | None = None
    alcohol: float | None = None
    fiber: float | None = None
    sugar: float | None = None
    sodium: float | None = None
    salt: float | None = None
    optional: Mapping[str, float | None] = {}


class PlausibleNutrients(Struct, frozen=True, kw_only=True):
    """The nutrients that can be, and what was mended in them or left unknown."""

    per_100g: Nutrients
    remarks: tuple[Remark, ...]


def plausible(
    given: SourceNutrients, *, food: str, basis: CarbohydrateBasis | None
) -> PlausibleNutrients | None:
    """The nutrients of a record that can be, or None when it knows neither energy nor protein, carbohydrate or fat.

    None too for zeros throughout. `food` is the record's name, with its category where the source has one: few words
    tell foods without energy (water, coffee, tea, diet drinks, salt), sweeteners and alcoholic drinks apart. `basis`
    says whether the carbohydrate includes the fibre; None is taken as included.
    """
    check = _Check(given, food, basis)
    return check.result()


class _Check:
    """One check. The weights are judged first, since the energy is judged by them."""

    def __init__(self, given: SourceNutrients, food: str, basis: CarbohydrateBasis | None) -> None:
        self._food = food
        self._without_fiber = basis is CarbohydrateBasis.WITHOUT_FIBER
        self._given = _readable(given)
        self._reasons: list[str] = []

    def result(self) -> PlausibleNutrients | None:
        if self._is_all_zero():
            return None
        self._judge_macros()
        self._judge_parts()
        calories = self._energy()
        sodium = self._sodium()
        optional = dict(self._optional())
        found = self._given
        if all(value is None for value in (calories, found.protein, found.carbs, found.fat)):
            return None
        return PlausibleNutrients(
            per_100g=Nutrients.of(
                calories=calories,
                protein=found.protein,
                carbs=found.carbs,
                fat=found.fat,
                fiber=found.fiber,
                sugar=found.sugar,
                sodium=sodium,
                **optional,
            ),
            remarks=tuple(
                Remark(code=WarningCode.NUTRIENTS_IMPLAUSIBLE, message=reason) for reason in self._reasons
            ),
        )

    def _is_all_zero(self) -> bool:
        found = self._given
        weighed = (found.kcal, found.kj, found.protein, found.carbs, found.fat, found.alcohol)
        if any(weighed) or all(value is None for value in weighed):
            return False
        seasoning = max(found.sodium or 0, _sodium_of(found.salt) or 0) >= _SEASONING_SODIUM_MG
        return not (seasoning or _WITHOUT_ENERGY.search(self._food) or _SWEETENER.search(self._food))

    def _judge_macros(self) -> None:
        for name in ("protein", "carbs", "fat", "alcohol"):
            value = getattr(self._given, name)
            if value is not None and value > 100 + _ROUNDING_GRAMS:
                self._forget(f"{value:g} g of {_WORDS[name]} in 100 g cannot be", name)
        found = self._given
        grams = self._grams()
        if grams > MOST_GRAMS:
            self._forget(
                f"protein, carbohydrate and fat weigh {grams:g} g in 100 g", "protein", "carbs", "fat"
            )
        energy = max(found.kcal or 0, (found.kj or 0) / KJ_PER_KCAL)
        empty = (found.protein, found.carbs, found.fat) == (0, 0, 0)
        if empty and not found.alcohol and energy > _SLACK_KCAL and not _ALCOHOLIC.search(self._food):
            self._forget(
                f"protein, carbohydrate and fat are zero beside {energy:.0f} kcal", "protein", "carbs", "fat"
            )

    def _judge_parts(self) -> None:
        """Sugars are carbohydrate, saturated fat is fat, and fibre is carbohydrate or what is left of the 100 g."""
        found = self._given
        self._bound("sugar", found.sugar, 100 if found.carbs is None else found.carbs)
        left = max(0.0, 100 - self._grams())
        beside_carbs = left if self._without_fiber or found.carbs is None else 0.0
        self._bound("fiber", found.fiber, max(found.carbs or 0.0, beside_carbs))

    def _bound(self, name: str, value: float | None, most: float) -> None:
        if value is not None and value > most + max(_ROUNDING_GRAMS, _ROUNDING_SHARE * most):
            self._forget(f"{value:g} g of {_WORDS[name]} in 100 g cannot be beside {most:g} g", name)

    def _energy(self) -> float | None:
        """The energy in kcal: as given where it can be, else in the unit that the weights prove, else unknown."""
        kcal, by_kj = self._given.kcal, self._given.kj and self._given.kj / KJ_PER_KCAL
        if kcal and by_kj and not _same(kcal, by_kj, _SAME_ENERGY, _SAME_KCAL):
            return self._proven(
                (kcal, by_kj),
                f"{kcal:g} kcal are not {self._given.kj:g} kJ",
                without_remark=kcal,
            )
        value = kcal or by_kj or (0.0 if 0 in (kcal, by_kj) else None)
        if value is None or (value == 0 and not self._can_be(0)):
            return self._computed()
        if self._can_be(value):
            return value
        return self._proven(
            (value / KJ_PER_KCAL, value * KJ_PER_KCAL),
            f"{value:.0f} kcal do not fit protein, carbohydrate and fat",
            without_remark=None,
        )

    def _proven(
        self, options: tuple[float, float], reason: str, *, without_remark: float | None
    ) -> float | None:
        """The option next to the energy of the known weights, if it is near; said unless it needs no remark."""
        expected = self._expected_kcal()
        best = min(options, key=lambda option: abs(option - expected))
        near = abs(best - expected) <= _PROOF_SHARE * expected + _PROOF_KCAL
        if not near or expected == 0 or best > MOST_KCAL or self._may_hold_unknown_alcohol():
            self._say(f"{reason}: the energy is unknown")
            return None
        if best != without_remark:
            self._say(f"{reason}: {best:.0f} kcal were taken")
        return best

    def _computed(self) -> float | None:
        """The energy by the weights, where all are known and nothing else can hold energy."""
        found = self._given
        if None in (found.protein, found.carbs, found.fat) or self._may_hold_unknown_alcohol():
            if found.kcal == 0:
                self._say("0 kcal do not fit protein, carbohydrate and fat: the energy is unknown")
            return None
        kcal = self._expected_kcal()
        if found.fiber is not None:
            kcal += _FIBER_KCAL * found.fiber * (1 if self._without_fiber else -1)
        self._say(
            f"the record gives no energy: {kcal:.0f} kcal were computed from protein, carbohydrate and fat"
        )
        return max(0.0, kcal)

    def _can_be(self, kcal: float) -> bool:
        found = self._given
        expected = self._expected_kcal()
        fiber = _FIBER_KCAL * (found.fiber or 0) if self._without_fiber else 0
        if kcal < _LEAST_SHARE * expected - _SLACK_KCAL and not _SWEETENER.search(self._food):
            return False
        left = max(0.0, 100 - self._grams())
        if None in (found.protein, found.carbs, found.fat):
            unknown = _FAT_KCAL * left
        elif self._may_hold_unknown_alcohol():
            unknown = _ALCOHOL_KCAL * left
        else:
            unknown = 0
        return kcal <= min(MOST_KCAL, _MOST_SHARE * expected + _SLACK_KCAL + fiber + unknown)

    def _expected_kcal(self) -> float:
        """4/4/9/7 of the known weights; sugars stand for an unknown carbohydrate."""
        found = self._given
        carbs = found.carbs if found.carbs is not None else found.sugar
        return (
            _PROTEIN_KCAL * (found.protein or 0)
            + _CARBS_KCAL * (carbs or 0)
            + _FAT_KCAL * (found.fat or 0)
            + _ALCOHOL_KCAL * (found.alcohol or 0)
        )

    def _may_hold_unknown_alcohol(self) -> bool:
        return not self._given.alcohol and _ALCOHOLIC.search(self._food) is not None

    def _grams(self) -> float:
        found = self._given
        return sum(value or 0 for value in (found.protein, found.carbs, found.fat))

    def _sodium(self) -> float | None:
        """In mg. Of sodium and salt in different units the one that can be; of others that disagree, neither."""
        sodium, by_salt = self._given.sodium, _sodium_of(self._given.salt)
        if (
            sodium is not None
            and by_salt is not None
            and not _same(sodium, by_salt, _SAME_SODIUM, _SAME_SODIUM_MG)
        ):
            return self._sodium_of_two(*sorted((sodium, by_salt)))
        value = by_salt if sodium is None else sodium
        if value is None or value <= MOST_SODIUM_MG:
            return value
        self._say(f"{value:.0f} mg of sodium in 100 g cannot be: the sodium is unknown")
        return None

    def _sodium_of_two(self, less: float, more: float) -> float | None:
        reason = "sodium and salt contradict each other"
        if less and more / less >= _LEAST_UNIT_SLIP:
            found = more if more <= _USUAL_SODIUM_MG else less if more > MOST_SODIUM_MG else None
            if found is not None and found <= MOST_SODIUM_MG:
                self._say(f"{reason}: {found:.0f} mg of sodium were taken")
                return found
        self._say(f"{reason}: the sodium is unknown")
        return None

    def _optional(self) -> Iterator[tuple[str, float | None]]:
        for name, value in self._given.optional.items():
            most = self._most_of(name)
            if value is None or value <= most:
                yield name, value
            else:
                self._say(f"{value:g} of {name.replace('_', ' ')} in 100 g cannot be: the value is unknown")

    def _most_of(self, name: str) -> float:
        if name != "saturated_fat":
            return MOST_OPTIONAL[name]
        fat = self._given.fat
        return 100 + _ROUNDING_GRAMS if fat is None else fat + max(_ROUNDING_GRAMS, _ROUNDING_SHARE * fat)

    def _forget(self, reason: str, *names: str) -> None:
        self._given = structs.replace(self._given, **dict.fromkeys(names))
        self._say(f"{reason}: {' and '.join(_WORDS[name] for name in names)} unknown")

    def _say(self, reason: str) -> None:
        self._reasons.append(f"{reason[0].upper()}{reason[1:]}.")


_WORDS = {
    "protein": "protein",
    "carbs": "carbohydrate",
    "fat": "fat",
    "alcohol": "alcohol",
    "fiber": "fibre",
    "sugar": "sugars",
}


def _readable(given: SourceNutrients) -> SourceNutrients:
    """Without numbers that say nothing: negative ones, and ones that are not finite."""
    values = {name: _number(value) for name, value in structs.asdict(given).items() if name != "optional"}
    return SourceNutrients(
        **values, optional={name: _number(value) for name, value in given.optional.items()}
    )


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def _sodium_of(salt: float | None) -> float | None:
    return None if salt is None else salt / SALT_PER_SODIUM * 1000


def _same(one: float, other: float, share: float, slack: float) -> bool:
    return abs(one - other) <= max(slack, share * max(one, other))
