"""The parser of the local model: reads foods, amounts and states out of a few words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

from ops.stand_ins.food_data import number, rows
from ops.stand_ins.stemming import plain, stem


class State(StrEnum):
    """How a food was seen."""

    RAW = "RAW"
    COOKED = "COOKED"


class _Break(Enum):
    """The end of a part of the text: an amount or a state reaches no further."""

    BREAK = "break"


_COOKING = "cooked grilled roast roasted baked boiled fried steamed poached braised stewed scrambled toasted"
_STATES = {"raw": State.RAW, "uncooked": State.RAW} | dict.fromkeys(_COOKING.split(), State.COOKED)
_UNITS = {"g": 1.0, "gr": 1.0, "gram": 1.0, "kg": 1000.0, "ml": 1.0, "cl": 10.0, "l": 1000.0, "oz": 28.35}
_COUNTS = {"half": 0.5, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0}
_BREAKS = frozenset({",", ";", "/", "\n", "and", "with"})
_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|[a-z]+|[,;/\n]")
_MOST_GRAMS = 5000.0


@dataclass(frozen=True, slots=True)
class PlateFood:
    """A food on a plate. `grams` is the amount named, else a typical portion; `state` None: unknown."""

    name: str
    grams: float
    state: State | None


@dataclass(frozen=True, slots=True)
class _Word:
    food: PlateFood
    piece_g: float | None


@dataclass(frozen=True, slots=True)
class _Amount:
    """An amount in grams, or in pieces when it came without a unit."""

    value: float
    in_grams: bool


_Item = _Word | _Amount | State | _Break


class PlateParser:
    """Finds the foods it knows in a text; every other word means nothing to it."""

    def __init__(self) -> None:
        self._words: dict[tuple[str, ...], _Word] = {}
        for row in rows("plate_words.csv"):
            for name in [row["name"], *filter(None, row["other_words"].split("; "))]:
                self._words[tuple(stem(word) for word in name.split())] = _word(row)
        self._longest = max(len(name) for name in self._words)

    def read(self, text: str) -> list[PlateFood]:
        """The foods in order of mention, each name once; "200 g rice, 2 eggs" and "rice 200 g" have their amounts.

        An amount or a state belongs to the food after it, or to the food before it when its part of the text ends.
        """
        found: list[_Word] = []
        amount: _Amount | None = None
        state: State | None = None
        open_part = False
        tokens = _TOKEN.findall(plain(text).replace("&", " and ").replace("+", " and "))
        for item in [*self._items(tokens), _Break.BREAK]:
            if isinstance(item, _Word):
                found.append(_served(item, amount, state))
                amount, state, open_part = None, None, True
            elif isinstance(item, _Amount):
                amount = item
            elif isinstance(item, State):
                state = item
            else:
                if open_part:
                    found[-1] = _served(found[-1], amount, state)
                amount, state, open_part = None, None, False
        once: dict[str, PlateFood] = {}
        for word in found:
            once.setdefault(word.food.name, word.food)
        return list(once.values())

    def _items(self, tokens: Sequence[str]) -> Iterator[_Item]:
        place = 0
        while place < len(tokens):
            item, length = self._item_at(tokens, place)
            if item is not None:
                yield item
            place += length

    def _item_at(self, tokens: Sequence[str], place: int) -> tuple[_Item | None, int]:
        """The item that begins at this place, the longest name first, and how many tokens it takes."""
        for length in range(min(self._longest, len(tokens) - place), 0, -1):
            word = self._words.get(tuple(stem(token) for token in tokens[place : place + length]))
            if word is not None:
                return word, length
        token = tokens[place]
        if token in _BREAKS:
            return _Break.BREAK, 1
        value = float(token.replace(",", ".")) if token[0].isdigit() else _COUNTS.get(token)
        if value is None:
            return _STATES.get(token), 1
        unit = _UNITS.get(stem(tokens[place + 1])) if place + 1 < len(tokens) else None
        return (
            (_Amount(value, in_grams=False), 1) if unit is None else (_Amount(value * unit, in_grams=True), 2)
        )


def _word(row: Mapping[str, str]) -> _Word:
    state = State(row["state"]) if row["state"] else None
    return _Word(PlateFood(row["name"], float(row["portion_g"]), state), number(row["piece_g"]))


def _served(word: _Word, amount: _Amount | None, state: State | None) -> _Word:
    """The food in that amount and state; an amount that no plate holds is not believed."""
    food = word.food
    grams = food.grams
    if amount is not None:
        said = amount.value * (1.0 if amount.in_grams else word.piece_g or food.grams)
        grams = round(said, 1) if 0 < said <= _MOST_GRAMS else grams
    return replace(word, food=replace(food, grams=grams, state=state or food.state))
