"""Names of dishes, drinks and products that no word of the table's name says: "prosecco" is its "Wine, sparkling".

`record_names.csv` has them: the name, the description of the table's row, and `same` where the row is that food, `near`
where the table has nothing better than a sensible stand-in.
"""

import csv
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files

from msgspec import Struct

from ledger.food_matching.lexicon import APPEARANCES, COATED, COOKING, DECISIVE, KINDS_BEHIND, PIECES, WITH
from ledger.food_matching.names import has_other_name, said_words

_LOOKS = APPEARANCES | (COOKING - COATED)
_CUT = PIECES - {"crumble"}


class RecordName(Struct, frozen=True, kw_only=True):
    """The record that a name means. `is_whole`: the name says nothing beyond; `is_same`: the record is that food."""

    record: str
    is_whole: bool
    is_same: bool


@cache
def record_names() -> dict[str, tuple[str, bool]]:
    """By each name in canonical words: the record's description, and whether it is the same food."""
    text = (files("ledger.food_matching") / "record_names.csv").read_text(encoding="utf-8")
    return {
        " ".join(said_words(row["name"])): (row["record"], row["close"] == "same")
        for row in csv.DictReader(text.splitlines())
    }


@lru_cache(maxsize=4096)
def record_name(name: str) -> RecordName | None:
    """The record that a name means: as it is, or without how the food looks and was cooked; else, in part.

    A part of a name is what stands before a "with", or what the words before it describe ("pork gyoza").
    """
    words = said_words(name)
    if has_other_name(name):
        return _known(words, is_whole=True)
    for is_whole, keys in ((True, _as_it_is(words)), (False, _parts(words))):
        for key in keys:
            if (known := _known(key, is_whole=is_whole)) is not None:
                return known
    return None


def _known(words: list[str], *, is_whole: bool) -> RecordName | None:
    known = record_names().get(" ".join(words))
    return None if known is None else RecordName(record=known[0], is_whole=is_whole, is_same=known[1])


def _as_it_is(words: list[str]) -> Iterator[list[str]]:
    yield words
    seen = [word for word in words if word not in APPEARANCES]
    yield seen
    bare = [word for word in seen if word not in _LOOKS]
    if seen and seen[-1] == "toasted":
        return  # "Marmite toast" is a toast
    yield bare
    if bare and bare[-1] in _CUT:
        yield bare[:-1]


def _parts(words: list[str]) -> Iterator[list[str]]:
    main = words
    for place, word in enumerate(words):
        if word in WITH:
            main = words[:place]
            yield from _as_it_is(main)
            break
    kept = [word for word in main if word not in APPEARANCES]
    if not DECISIVE.isdisjoint(kept):
        return
    for first in range(1, len(kept)):
        yield kept[first:]
    if kept and kept[-1] in KINDS_BEHIND:
        yield kept[:-1]
