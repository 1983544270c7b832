"""Parses names of foods: which word is the food, and what the other words say about it."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import takewhile

from msgspec import Struct

from ledger.food_matching.synonyms import OTHER_NAMES, PHRASES, SAME_WORD
from ledger.food_matching.vocabulary import (
    ADJECTIVES,
    ARTICLES,
    CATEGORIES,
    COLOURS,
    COOKED,
    CUTS,
    EGG_PARTS,
    FILLERS,
    FISHES,
    LEAFY,
    MEASURES,
    MEATS,
    PIECES,
    PLAIN,
    SKIN_COLOURED,
    TOMATO_SHAPES,
    stem,
)

_APOSTROPHES = "'\u2019"
_TOKEN = re.compile(r"[a-z]+|\d+(?:\.\d+)?%?")
_BRACKETS = re.compile(r"\(([^)]*)\)?")
_PHRASES = re.compile(r"\b(?:" + "|".join(sorted(PHRASES, key=len, reverse=True)) + r")\b")
_OF = re.compile(r"^(?:[a-z0-9]+\s+){0,2}?([a-z]+)\s+of\s+(?=\S)")
_ALTERNATIVES = frozenset({"and", "or"})
_FIRST_OR_ALTERNATIVE = _ALTERNATIVES | {""}
_JOINS = _ALTERNATIVES | {"in", "on", "over", "with"}
_DESCRIBING = PLAIN | ADJECTIVES | COLOURS
# First words of a part that names an absent or unknown thing, or the place of purchase. "ns": not specified (USDA).
_EMPTY_STARTS = frozenset({"from", "no", "not", "ns", "without"})

Words = tuple[str, ...]


class FoodQuery(Struct, frozen=True):
    """A food to look for: its head noun, the words that a match must have, and the words that a match should have."""

    head: str
    required: frozenset[str]
    optional: frozenset[str]


class ParsedName(Struct, frozen=True):
    """One way to parse a record's name.

    `before` are the words before the head, `joined` the words joined to it by "with" or "and", `after` the words
    behind it. `aside` holds words that may satisfy a query and change nothing else: words in brackets, the category,
    the alternatives of an "or".
    """

    head: str
    before: Words
    joined: Words
    after: Words
    aside: frozenset[str]
    category: str | None


class _Part(Struct, frozen=True):
    words: Words
    in_capitals: bool


def food_queries(name: str) -> list[FoodQuery]:
    """The queries for a recognised food, its own name first, then its synonyms; none when the name has no word."""
    parts, _ = _parts(_OF.sub(lambda found: "" if stem(found[1]) in MEASURES else found[0], _plain(name)))
    texts = [[part.words for part in parts]]
    if len(parts) == 1:
        texts += [[other] for other in _other_names(parts[0].words)]
    return [query for text in texts for query in _queries(text)]


def parsed_names(name: str) -> list[ParsedName]:
    """The ways to parse a record's name; none when the name has no word."""
    parts, aside = _parts(name)
    if not parts:
        return []
    category = " ".join(parts[0].words)
    if category not in CATEGORIES or len(parts) == 1:
        return list(_parse(parts, 0, aside, None))
    found = [*_parse(parts, 0, aside, None), *_parse(parts, 1, aside.union(parts[0].words), category)]
    if len(parts) > 2 and (parts[1].in_capitals or PLAIN.issuperset(parts[1].words)):
        found += _parse(parts, 2, aside.union(parts[0].words, parts[1].words), category)
    return found


def words_of(name: str) -> frozenset[str]:
    """The words of a name, as stems."""
    parts, aside = _parts(name)
    return aside.union(*(part.words for part in parts))


def is_number(word: str) -> bool:
    """Whether the word is a number, with or without a per cent sign."""
    return word[0].isdigit()


def _other_names(words: Words) -> list[Words]:
    """Other names of the food, with the words before it that are no part of its name ("fried bacon")."""
    core = [word for word in words if not (word in COOKED or word in PLAIN or word in ADJECTIVES)]
    rest = tuple(word for word in words if word not in core)
    return [(*rest, *other.split()) for other in OTHER_NAMES.get(" ".join(core), ())]


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(
        char for char in decomposed if not unicodedata.combining(char) and char not in _APOSTROPHES
    ).lower()


def _parts(name: str) -> tuple[list[_Part], frozenset[str]]:
    """The parts between commas, first word first, and the words in brackets."""
    bracketed = " ".join(_BRACKETS.findall(name))
    shouted = name.isupper()
    parts: list[_Part] = []
    for text in re.split(r"[,;:]", _BRACKETS.sub(" ", name)):
        words = _words(text, later=bool(parts))
        if words:
            parts.append(_Part(words, text.isupper() and not shouted))
    return parts, frozenset(_words(bracketed, later=False))


def _words(text: str, *, later: bool) -> Words:
    stems = [stem(token) for token in _TOKEN.findall(_plain(text))]
    known = " ".join(SAME_WORD.get(word, word) for word in stems)
    words = _PHRASES.sub(lambda found: PHRASES[found[0]], known).split()
    if later and words[:1] and words[0] in _EMPTY_STARTS:
        return ()
    if "without" in words:
        words = words[: words.index("without")]
    if later and words == ["whole", "milk"]:
        words = ["whole"]  # of a milk product: the ordinary one
    return tuple(word for word in words if word != "nfs" and word not in ARTICLES)


def _queries(parts: list[Words]) -> Iterator[FoodQuery]:
    named = parts[1:] if len(parts) > 1 and " ".join(parts[0]) in CATEGORIES else parts
    words = frozenset(word for part in named for word in part) - _JOINS
    groups = _groups(named[0]) if named else []
    if len(groups) > 1 and groups[-1][0] not in _ALTERNATIVES:
        groups = groups[:1]  # else the last word may be the head: a "ham and cheese sandwich" is a sandwich
    for _, group in groups[:1] + groups[1:][-1:]:
        _, head, _ = _split_head(group)
        said = frozenset(word for word in words - {head} - FILLERS if not is_number(word))
        optional = frozenset(word for word in said if _is_optional(word, head))
        yield FoodQuery(head, said - optional, optional)


def _parse(
    parts: list[_Part], index: int, aside: frozenset[str], category: str | None
) -> Iterator[ParsedName]:
    groups = _groups(parts[index].words)
    names = [words for _, words in takewhile(lambda group: group[0] in _FIRST_OR_ALTERNATIVE, groups)]
    joined = [word for _, words in groups[len(names) :] for word in words]
    after = [word for part in parts[index + 1 :] for word in part.words if word not in _JOINS]
    either = any(join == "or" for join, _ in groups[: len(names)])
    for place, own in enumerate(names):
        others = [word for other in names if other is not own for word in other]
        shared = names[-1][1:] if place < len(names) - 1 else ()  # "pumpkin and squash seed": pumpkin seed
        for words in (own, own + shared) if shared else (own,):
            before, head, behind = _split_head(words)
            yield ParsedName(
                head=head,
                before=before,
                joined=tuple(joined if either else joined + others),
                after=(*behind, *after),
                aside=aside.union(others) if either else aside,
                category=category,
            )


def _groups(words: Words) -> list[tuple[str, Words]]:
    """The words between "and", "with" and the like, each group with the word that joins it to the one before."""
    groups: list[tuple[str, list[str]]] = [("", [])]
    for word in words:
        if word in _JOINS:
            groups.append((word, []))
        else:
            groups[-1][1].append(word)
    return [(join, tuple(group)) for join, group in groups if group]


def _split_head(words: Words) -> tuple[Words, str, Words]:
    """The words before the head noun, the head noun, and what follows it without being one."""
    place = len(words) - 1
    while place > 0 and _may_follow(words[place], words[:place]):
        place -= 1
    return words[:place], words[place], words[place + 1 :]


def _may_follow(word: str, before: Words) -> bool:
    if word in PLAIN or word in PIECES or is_number(word):
        return True
    if word in CUTS and not MEATS.isdisjoint(before):
        return True
    if word == "steak" and not FISHES.isdisjoint(before):
        return True
    if word in EGG_PARTS:
        return before[-1] == "egg"
    if word == "leaf":
        return not LEAFY.isdisjoint(before)
    return word == "nut" and before[-1] not in _DESCRIBING


def _is_optional(word: str, head: str) -> bool:
    if word in PLAIN or word in ADJECTIVES or word in PIECES:
        return True
    if word in COLOURS:
        return head in SKIN_COLOURED
    if word in TOMATO_SHAPES:
        return head == "tomato"
    if word == "leaf":
        return head in LEAFY
    return word == "steak" and head in FISHES
