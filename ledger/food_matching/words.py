"""Words of food names in one form: singular, without accents, in the table's English."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from ledger.food_matching.lexicon import PHRASES, SAME_WORD

_APOSTROPHES = str.maketrans("", "", "'\u2019`")
_TOKEN = re.compile(r"\d+(?:\.\d+)?%?|[a-z]+|&")
_IRREGULAR = {
    "halves": "half",
    "leaves": "leaf",
    "loaves": "loaf",
    "feet": "foot",
    "geese": "goose",
    "octopi": "octopus",
    "anchovies": "anchovy",
    "hummous": "hummus",
}


def plain(name: str) -> str:
    """The name in lower case, without accents and apostrophes."""
    if not name.isascii():
        decomposed = unicodedata.normalize("NFKD", name)
        name = "".join(char for char in decomposed if not unicodedata.combining(char))
    return name.lower().translate(_APOSTROPHES)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A lower-case word in the one form that stands for its singular and plural ("cookies" and "cookie": "cooky")."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith("ie"):
        return word[:-2] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "oes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def tokens(text: str) -> list[str]:
    """The words and numbers of a text as stems; a number keeps its per cent sign."""
    return ["and" if word == "&" else stem(word) for word in _TOKEN.findall(plain(text))]


def _stems(text: str) -> str:
    return " ".join(tokens(text))


def _by_stems(names: Mapping[str, str]) -> dict[str, str]:
    return {_stems(name): _stems(other) for name, other in names.items()}


_SAME_WORD = _by_stems(SAME_WORD)
_PHRASES = _by_stems(PHRASES)
_PHRASE = re.compile(
    r"(?<!\S)(?:" + "|".join(sorted(map(re.escape, _PHRASES), key=len, reverse=True)) + r")(?!\S)"
)


def canonical(text: str) -> list[str]:
    """The words of a text with one word for all that mean the same ("garbanzo beans": "chickpea")."""
    known = " ".join(_SAME_WORD.get(token, token) for token in tokens(text))
    return _PHRASE.sub(lambda found: _PHRASES[found[0]], known).split()
