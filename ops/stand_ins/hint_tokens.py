"""The words, amounts and breaks of a hint, with the person's own spelling."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ops.stand_ins.stemming import plain, stem

_COUNTS = {"half": 0.5, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0}
_UNITS = {
    "g": 1.0, "gr": 1.0, "gram": 1.0, "grams": 1.0, "kg": 1000.0, "ml": 1.0, "cl": 10.0, "dl": 100.0, "l": 1000.0,
    "fl oz": 29.57, "oz": 28.35, "ounce": 28.35, "ounces": 28.35,
    "lb": 453.6, "lbs": 453.6, "pound": 453.6, "pounds": 453.6,
    "tbsp": 15.0, "tablespoon": 15.0, "tablespoons": 15.0, "tsp": 5.0, "teaspoon": 5.0, "teaspoons": 5.0,
}  # fmt: skip
"""Grams by unit; a millilitre is taken for a gram."""

_FRACTIONS = str.maketrans({"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"})
_BREAKS = frozenset({",", ";", "/", "\n", "and", "with", "&", "+"})
_AMOUNT = rf"(?P<amount>\d+(?:[.,]\d+)?)\s*(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})\b"
_COUNT = r"(?P<over>\d+)\s*/\s*(?P<under>[1-9]\d*)|(?P<times>\d+)\s*x\b"
_WORD = r"\d+(?:[.,]\d+)?\s*%|\d*[^\W\d_]+\d*|(?P<number>\d+(?:[.,]\d+)?)"
_TOKEN = re.compile(rf"{_AMOUNT}|{_COUNT}|{_WORD}|[,;/\n&+:]", re.IGNORECASE)
_JOINTS = ("-", "'", "\N{RIGHT SINGLE QUOTATION MARK}")


@dataclass(frozen=True, slots=True)
class Word:
    """A word as compared and as typed, and what joins it to the word before: a blank, a hyphen or an apostrophe."""

    plain: str
    typed: str
    joint: str


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount in grams, or in pieces when it came without a unit."""

    value: float
    in_grams: bool


@dataclass(frozen=True, slots=True)
class Colon:
    """What is before it may say what the rest is about: "lunch: rice"."""


Token = Word | Amount | Colon


def parts(text: str, joined: Iterable[tuple[str, ...]]) -> Iterator[list[Token]]:
    """The parts of the text between commas, "and", "with" and the like; each with one token or more.

    `joined`: names, as stems, that are one thing although they have an "and".
    """
    part: list[Token] = []
    found = list(_TOKEN.finditer(text.translate(_FRACTIONS)))
    spelt = ["and" if match[0] in {"&", "+"} else plain(match[0]) for match in found]
    together = _places(joined, [stem(word) for word in spelt])
    for place, match in enumerate(found):
        if place in together:
            part.append(Word(spelt[place], match[0], _joint(match)))
        elif spelt[place] in _BREAKS:
            yield from _split(part)
            part = []
        else:
            part.append(_token(match, spelt[place]))
    yield from _split(part)


def _places(names: Iterable[tuple[str, ...]], words: Sequence[str]) -> set[int]:
    """The places of the words of those names."""
    places: set[int] = set()
    for name in names:
        for place in range(len(words) - len(name) + 1):
            if tuple(words[place : place + len(name)]) == name:
                places.update(range(place, place + len(name)))
    return places


def _joint(match: re.Match[str]) -> str:
    before = match.string[max(match.start() - 2, 0) : match.start()]
    return before[1] if before[1:] in _JOINTS and before[0].isalnum() else " "


def _token(match: re.Match[str], spelt: str) -> Token:
    if match["unit"]:
        return Amount(_value(match["amount"]) * _UNITS[match["unit"].lower()], in_grams=True)
    if match["over"]:
        return Amount(float(match["over"]) / float(match["under"]), in_grams=False)
    if match["times"] or match["number"]:
        return Amount(_value(match["times"] or match["number"]), in_grams=False)
    if spelt == ":":
        return Colon()
    if spelt in _COUNTS:
        return Amount(_COUNTS[spelt], in_grams=False)
    return Word(spelt, match[0], _joint(match))


def _value(number: str) -> float:
    return float(number.replace(",", "."))


def _split(part: list[Token]) -> Iterator[list[Token]]:
    """The part; in "200 g rice 150 g chicken" and "rice 200 g chicken 150 g" each food apart with its amount."""
    weights = [place for place, token in enumerate(part) if isinstance(token, Amount) and token.in_grams]
    if len(weights) > 1:
        cuts = weights if weights[0] == 0 else [place + 1 for place in weights]
        pieces = [part[start:end] for start, end in zip([0, *cuts], [*cuts, len(part)], strict=True)]
    else:
        pieces = [part]
    yield from (piece for piece in pieces if piece)
