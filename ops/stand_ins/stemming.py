"""Words as the local food services compare them: lower case, plain letters, plural as singular."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
_FILLERS = frozenset(
    {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
)
_LETTERS_WITHOUT_MARK = str.maketrans({"ø": "o", "ł": "l", "æ": "ae", "œ": "oe"})
_PLURALS_WITH_E = ("ches", "oes", "shes", "sses", "xes")


def plain(text: str) -> str:
    """The text in lower case without accents: "Crème BRÛLÉE" → "creme brulee"."""
    if text.isascii():
        return text.lower()
    folded = text.casefold().translate(_LETTERS_WITHOUT_MARK)
    parts = unicodedata.normalize("NFKD", folded)
    return "".join(part for part in parts if not unicodedata.combining(part))


@lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """One form for singular and plural of an English food word; not always a word itself ("berries" → "berri")."""
    if word.endswith(("ss", "us", "is")):
        return word
    if word.endswith(("ies", *_PLURALS_WITH_E)):
        return word[:-2]
    if len(word) > 3:
        word = word.removesuffix("s")
    if word.endswith("ie"):
        return word[:-1]
    if len(word) > 2 and word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "i"
    return word


def stems(text: str) -> tuple[str, ...]:
    """The stems of the words that mean something, in order; punctuation parts words. A number is a word."""
    return tuple(stem(word) for word in _WORD.findall(plain(text)) if word not in _FILLERS)
