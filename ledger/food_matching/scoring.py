"""Scores a record's name against a recognised food.

The score is the weighted share of the food's words that the record has, less what the record says beyond them. Where a
word stands decides what it costs: a surplus noun at the head makes another food ("Mint julep"), a word behind the first
comma specifies it ("Mint, dried"), brackets only explain. Then come costs for the other state (raw, cooked), other
numbers ("2%"), things that only one of the two is without ("no salt"), and names of brands. About 1 is a perfect fit;
the constants were chosen by the labelled names in `tests/foods`.
"""

from msgspec import Struct

from ledger.food_matching.lexicon import (
    APPEARANCES,
    COATED,
    COOKING,
    CUTS,
    DECISIVE,
    EATEN_COOKED,
    EXCLUSIVE,
    FORMS,
    GENERIC,
    LIGHT,
    MADE_KINDS,
    MEATS,
    NEUTRAL,
    OTHER_PARTS,
    PIECES,
    PREFIX_KINDS,
    RAW,
    SHAPES,
    SUFFIX_KINDS,
    SWELLING,
    WAYS,
)
from ledger.food_matching.names import FoodName
from ledger.values import FoodState


class Fit(Struct, frozen=True, kw_only=True):
    """How well a record fits: the share of the name's words that it has, and what is taken off, by reason."""

    asked: tuple[str, ...]
    head: str
    recall: float
    costs: dict[str, float]

    @property
    def score(self) -> float:
        """At most about 1."""
        return self.recall - sum(self.costs.values())


def fit(food: FoodName, state: FoodState | None, record: FoodName) -> Fit | None:
    """The fit of a record to a food that was seen in that state; None without the food's head noun."""
    recall, has_head = _recall(food, record)
    if not has_head:
        return None
    missing = [word for word in food.words if not _share(word, record, is_head=False)]
    decisive = not DECISIVE.isdisjoint(missing)
    of_another = food.head in FORMS and not (_SAYS_LITTLE | PIECES | SHAPES).issuperset(missing)
    costs = {
        "what the record says beyond the name": _surplus(food, record),
        "words of which a food has only one": _contradiction(food, record),
        "raw or cooked": _state_cost(food, state, record),
        "another number": _percent_cost(food, record),
        "something that one of them is without": _absence_cost(food, record),
        "a word that makes the food is missing": 0.2 * decisive + 0.15 * of_another,
        "a word that no record has": _unknown_cost(food),
        "a brand": 0.2 * record.brand,
    }
    return Fit(
        asked=(*food.words, *food.joined),
        head=food.head,
        recall=recall,
        costs={reason: round(cost, 4) for reason, cost in costs.items() if cost},
    )


def _weight(word: str, food: FoodName) -> float:
    if word == food.head:
        return 1.0
    if word in COOKING or word in RAW:
        return 0.7 if word in COATED else 0.25
    if word in SHAPES:
        return 0.35
    if word == "whole":
        return 0.4
    if word in PIECES or word in APPEARANCES or word in NEUTRAL:
        return 0.1
    return 0.7


def _recall(food: FoodName, record: FoodName) -> tuple[float, bool]:
    got = full = 0.0
    has_head = False
    for word in food.words:
        weight = _weight(word, food)
        share = _share(word, record, is_head=word == food.head)
        if not share and word in WAYS and any(WAYS.get(other) == WAYS[word] for other in record.every):
            share = 0.8
        if not share and WAYS.get(word, "deep") != "deep" and "cooked" in record.every:
            share = 0.7
        has_head = has_head or (word == food.head and share > 0)
        full += weight
        got += weight * share
    for word in food.joined:
        full += 0.4
        got += 0.4 * (word in record.every)
    for low, _ in food.percents:
        full += 0.6
        got += 0.6 * _has_percent(record, low)
    return got / full, has_head


def _share(word: str, record: FoodName, *, is_head: bool) -> float:
    if word in record.words or word in record.either:
        return 1.0
    if word in record.later:
        return 0.85 if is_head else 0.97
    if word in record.joined:
        return 0.2 if is_head else 0.7
    if word in record.aside:
        return 0.7 if is_head else 0.85
    return 0.0


def _has_percent(record: FoodName, value: float) -> bool:
    return any(low - 0.3 <= value <= high + 0.3 for low, high in record.percents)


def _surplus(food: FoodName, record: FoodName) -> float:
    """The cost of what the record says beyond the food's name."""
    known = {*food.words, *food.joined}
    if any(_has_percent(record, low) for low, _ in food.percents):
        known |= LIGHT | {"fat"}  # the number says it: "reduced fat (2%)"
    ways = {WAYS[word] for word in known if word in WAYS}
    if "fat" in ways:
        known.add("fatadded")
    inverted = food.head not in record.words and food.head in record.second
    clean = all(word in known or word in _SAYS_LITTLE for word in record.second)
    cost = 0.0
    for word in record.words if not record.either else ():
        if word in known:
            continue
        is_head = word == record.head
        if (inverted and clean and word in PREFIX_KINDS) or (
            not inverted and (is_head or word == record.words[-1]) and word in SUFFIX_KINDS
        ):
            cost += 0.06
        elif word in PREFIX_KINDS and food.head in record.later:
            cost += 0.1
        elif inverted and clean and word in MADE_KINDS:
            cost += 0.25
        elif is_head and word not in CUTS and word not in PIECES and word not in NEUTRAL:
            cost += 0.45
        else:
            cost += _word_cost(word, ways, first=True)
    if food.head in record.words and record.head != food.head and record.head in known:
        cost += 0.25  # "chocolate milk" is no milk chocolate
    others = [word for word in record.either if word not in known and word not in NEUTRAL]
    rest = record.either.difference(record.words)
    is_one_of_them = known.issuperset(set(record.words) - PREFIX_KINDS) or bool(rest and rest <= known)
    each = 0.03 if is_one_of_them else 0.25
    cost += min(
        0.5,
        sum(
            each if is_one_of_them and word not in LIGHT else max(each, _word_cost(word, ways, first=True))
            for word in others
        ),
    )
    cost += min(0.3, sum(0.01 if word in NEUTRAL else 0.15 for word in record.joined if word not in known))
    later = sum(
        _word_cost(word, ways, first=False)
        + (0.06 if word in record.second and word not in _SAYS_LITTLE else 0.0)
        for word in record.later
        if word not in known
    )
    return cost + min(0.5, later)


_COSTS = (
    dict.fromkeys(LIGHT, 0.2)
    | dict.fromkeys(FORMS, 0.4)
    | dict.fromkeys(COOKING, 0.01)
    | dict.fromkeys(COATED, 0.15)
    | dict.fromkeys(NEUTRAL | RAW, 0.004)
    | {"fatadded": 0.06, "canned": 0.06, "frozen": 0.05, "maybefat": 0.03, "skinon": 0.03, "ingredient": 0.1}
    | dict.fromkeys(GENERIC, -0.02)
)
"""What a surplus word costs wherever it stands; the later entry of a word counts."""


_SAYS_LITTLE = NEUTRAL | COOKING | RAW | APPEARANCES | CUTS


def _word_cost(word: str, ways: set[str], *, first: bool) -> float:
    if WAYS.get(word) in ways:
        return 0.0
    if word == "fatless":
        return 0.1 if "fat" in ways else 0.0
    if not word[0].isalpha():
        return 0.01
    return _COSTS.get(word, 0.36 if first else 0.05)


def _contradiction(food: FoodName, record: FoodName) -> float:
    """The cost of a word in the place of another that only one of can be: white for brown rice, beef for chicken."""
    said = set(food.words)
    told = {*record.words, *record.second, *record.either}
    cost = 0.2 * sum(1 for words in EXCLUSIVE if said & words and told & words and not said & told & words)
    cost += 0.5 * (record.head == "oil" and "oil" not in food.every)  # "corn salad" is no salad oil of corn
    cost += 0.25 * bool(OTHER_PARTS.get(food.head, frozenset()) & (told - said))
    return cost + 0.4 * ("dry" in told - said and food.head not in SWELLING)


def _unknown_cost(food: FoodName) -> float:
    """A participle says how the food looks ("shaved"); any other word may be what makes it the food."""
    return min(0.4, sum(0.1 if word.endswith("ed") else 0.33 for word in food.unknown))


def _state_cost(food: FoodName, state: FoodState | None, record: FoodName) -> float:
    wanted = food.state or state
    if wanted is None and (record.kind in EATEN_COOKED or food.head in SWELLING):
        wanted = FoodState.COOKED
    if wanted is None or record.state is wanted:
        return 0.0
    if record.state is None:
        return 0.02
    return 0.8 if food.head in SWELLING else 0.2


def _percent_cost(food: FoodName, record: FoodName) -> float:
    if not food.percents or not record.percents or _has_percent(record, food.percents[0][0]):
        return 0.0
    return 0.3


def _absence_cost(food: FoodName, record: FoodName) -> float:
    """Something that one has and the other is without."""
    has = {*record.words, *record.joined, *record.later}
    cost = 0.15 * len(food.absent & has)
    cost += 0.3 * len(record.absent.intersection(food.words))
    cost += 0.2 * len(food.absent - record.absent - has)
    cost += 0.3 * ("meat" in record.absent and not MEATS.isdisjoint(food.words))
    return cost + sum(0.15 if word == "sugar" else 0.03 for word in record.absent - food.absent)
