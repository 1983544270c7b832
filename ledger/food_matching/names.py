"""Parses names of foods, as a model says them and as tables write them ("Beans, snap, green, raw")."""

import re
from collections.abc import Iterable, Iterator, Set
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from ledger.food_matching.lexicon import (
    APPEARANCES,
    COATED,
    COOKING,
    CUTS,
    DECISIVE,
    EXCLUSIVE,
    GENERIC,
    JOINS,
    KINDS,
    MEASURES,
    NEGATIONS,
    NEUTRAL,
    NOT_FOOD,
    OTHER_NAMES,
    PIECES,
    RAW,
    SHAPES,
    STAYS_OF,
    STOP,
    THINGS,
    WITH,
)
from ledger.food_matching.words import canonical, plain, tokens
from ledger.values import FoodState

MAX_NAME = 200
"""Longer names are cut before they are looked at."""

_BRACKETS = re.compile(r"\(([^()]*)\)?")
_SEGMENTS = re.compile(r"[,;:]|\s[-\u2013\u2014]\s")
_SHOUTED = re.compile(r"\b[A-Z][A-Z'&.-]{2,}\b")
_ACRONYMS = frozenset({"NFS", "USDA", "BBQ", "DHA", "EPA", "RTE", "BLT", "NS"})
_PERCENT = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:%|percent)?\s*(?:-|to|\u2013)\s*(\d+(?:\.\d+)?)\s*(?:%|percent)|(\d+(?:\.\d+)?)\s*(?:%|percent)"
)
_LEAN_FAT = re.compile(r"\b(\d{2})\s*/\s*(\d{1,2})\b")
_GLUED = {
    "unsalted": "salt",
    "unsweetened": "sugar",
    "skinless": "skin",
    "boneless": "bone",
    "sugarless": "sugar",
    "meatless": "meat",
    "eggless": "egg",
}

_NO_HEADS = PIECES | SHAPES | COOKING | RAW | (NEUTRAL - {"water", "meat", "salt"})
_SAYS_LITTLE = APPEARANCES | COOKING | NEUTRAL | PIECES | SHAPES
_TELLING = EXCLUSIVE[0] | COATED | DECISIVE
_PARTS = frozenset({"seed", "nut", "leaf", "root", "bulb", "heart"})

Range = tuple[float, float]


class FoodName(Struct, frozen=True, kw_only=True):
    """A name, parsed.

    `words` are those of the food itself, `either` its alternatives around an "or", `joined` those behind "with", "and"
    or "in", `later` those behind the first comma, of which `second` are up to the next one, `aside` those in brackets,
    of the class of foods, and other names. `absent` is what the name says is not in it. `head` is the noun that the
    other words describe. `percents` are ranges; `kind` is the table's group of foods. `every` holds all words but
    the absent ones. `unknown` are words of an asked name that no record has.
    """

    head: str
    words: tuple[str, ...]
    either: frozenset[str]
    joined: tuple[str, ...]
    second: tuple[str, ...]
    later: tuple[str, ...]
    aside: frozenset[str]
    absent: frozenset[str]
    percents: tuple[Range, ...]
    state: FoodState | None
    brand: bool
    kind: str
    every: frozenset[str]
    unknown: tuple[str, ...] = ()


def understood(food: FoodName, vocabulary: Set[str]) -> FoodName | None:
    """An asked name without the words that no record has; None when none is left.

    "Hobnob biscuit" is looked for as a biscuit: with what that costs, it is taken with a warning at most.
    """
    unknown = tuple(word for word in food.words if word not in vocabulary)
    if not unknown:
        return food
    kept = tuple(word for word in food.words if word in vocabulary)
    if _NO_HEADS.issuperset(kept) or food.head in NOT_FOOD:
        return None
    head = food.head if food.head in vocabulary else _head(list(kept))
    return replace(food, words=kept, head=head, unknown=unknown)


@lru_cache(maxsize=4096)
def asked(name: str) -> tuple[FoodName, ...]:
    """The parsed name that a model gave, then its other names in the table's words; none when it has no word."""
    text = " ".join(said_words(name))
    found: list[FoodName | None] = []
    stripped = " ".join(word for word in text.split() if word not in APPEARANCES)
    for key, behind in _keys(text.split()):
        for other in _OTHER_NAMES.get(key, ()):
            found.append(_asked(other, [*canonical(other), *behind]))
    core = " ".join(word for word in stripped.split() if word not in COOKING and word not in RAW)
    cooking = [word for word in stripped.split() if word in COOKING]
    if not found:
        found += own_name(name)
        for own in own_name(name):
            if own.head == core:
                continue
            rest = [word for word in own.words if word != own.head]
            is_another = own.head == "chip" and not _SAYS_LITTLE.issuperset(
                rest
            )  # "kale chips" are no potatoes
            for other in () if is_another or _TELLING.intersection(rest) else _OTHER_NAMES.get(own.head, ()):
                found.append(_asked(other, [*rest, *canonical(other), "with", *own.joined]))
        if (COATED | RAW).isdisjoint(stripped.split()):
            found += [_asked(other, [*cooking, *canonical(other)]) for other in _OTHER_NAMES.get(core, ())]
    return tuple(food for food in found if food is not None)


def _keys(words: list[str]) -> list[tuple[str, list[str]]]:
    """Under which the lexicon may have the name: as it is, or without its looks, its cut and what goes with it."""
    seen = [word for word in words if word not in APPEARANCES]
    keys: list[tuple[list[str], list[str]]] = [(words, []), (seen, [])]
    if seen and seen[-1] in PIECES:
        keys.append((seen[:-1], []))
    place = next((place for place, word in enumerate(seen) if word in WITH), len(seen))
    keys.append((seen[:place], seen[place:]))
    found = [(" ".join(key), behind) for key, behind in keys]
    return next(([one] for one in found if one[0] in _OTHER_NAMES), [])


def has_other_name(name: str) -> bool:
    """Whether the lexicon has the whole name, in the table's words."""
    words = said_words(name)
    return any(
        " ".join(key) in _OTHER_NAMES for key in (words, [word for word in words if word not in APPEARANCES])
    )


def said_words(name: str) -> list[str]:
    """The words of a name in one form, without "a bowl of" and what is in brackets."""
    return _without_measure(canonical(_BRACKETS.sub(" ", name[:MAX_NAME])))


@lru_cache(maxsize=4096)
def own_name(name: str) -> tuple[FoodName, ...]:
    """The parsed name that a model gave, as it is; none when it has no word."""
    own = _asked(name[:MAX_NAME], canonical(name[:MAX_NAME]))
    return () if own is None else (own,)


_OTHER_NAMES = {" ".join(canonical(name)): tuple(others) for name, others in OTHER_NAMES.items()}


def _without_measure(words: list[str]) -> list[str]:
    """Without "a bowl of", "two slices of", and the like in front; a "leg of lamb" is a lamb leg."""
    if "of" not in words[1:5]:
        return words
    place = words.index("of", 1)
    before, behind = words[:place], words[place + 1 :]
    if not behind or not STAYS_OF.isdisjoint(before):
        return words
    if CUTS.isdisjoint(before) or not MEASURES.isdisjoint(before):
        return behind
    end = next((place for place, word in enumerate(behind) if word in JOINS), len(behind))
    return [*behind[:end], *before, *behind[end:]]


def _asked(name: str, words: list[str]) -> FoodName | None:
    kept, absent = _present(_without_measure(words))
    if NOT_FOOD.issuperset(kept) or kept[-1] in THINGS:
        return None
    groups = list(_groups(kept))
    if not groups:
        return None
    main = groups[0][1]
    # "ham and cheese sandwich": the last noun is the head of all; "rice and beans" has two.
    joined = [word for join, group in groups[1:] for word in group]
    is_pair = len(groups) > 1 and groups[1][0] == "and"
    if is_pair:
        main, joined = [*main, *joined], []
    own = [word for word in main if word not in STOP]
    if own and own[-1] == "toasted" and "bread" not in own and "french" not in own:
        own = [*own, "bread"]
    said = [word for word in own if word not in APPEARANCES and word[0].isalpha()] or own or main
    if NOT_FOOD.issuperset(said):
        return None
    joined = [word for word in joined if word not in STOP and word not in APPEARANCES]
    return FoodName(
        head=_head(groups[0][1] if is_pair and len(groups[-1][1]) == 1 else _first_part(name, said)),
        words=tuple(dict.fromkeys(said)),
        either=frozenset(),
        joined=tuple(joined),
        second=(),
        later=(),
        aside=frozenset(),
        absent=absent,
        percents=_percents(name),
        state=_state(kept),
        brand=False,
        kind="",
        every=frozenset((*said, *joined)),
    )


def _first_part(name: str, words: list[str]) -> list[str]:
    """The words before the first comma, among which the head is."""
    first = canonical(name.partition(",")[0])
    return [word for word in words if word in first] or words


def offered(name: str, other_names: Iterable[str], brand: str | None, kind: str) -> FoodName | None:
    """A record's name, parsed; None when it has no word."""
    bare = _BRACKETS.sub(" ", name[: 2 * MAX_NAME])
    aside = {word for text in (*_BRACKETS.findall(name), *other_names) for word in canonical(text)}
    segments = [words for text in _SEGMENTS.split(bare) if (words := canonical(text))]
    if not segments:
        return None
    whole = [_present(words) for words in segments]
    absent = frozenset().union(*(gone for _, gone in whole))
    parts = [words for words, _ in whole if words] or [["?"]]
    first = 0
    while (
        first + 1 < len(parts)
        and " ".join(parts[first]) in KINDS
        and not GENERIC.intersection(parts[first + 1])
    ):
        aside.update(parts[first])
        first += 1
    groups = list(_groups(parts[first]))
    main = groups[0][1] if groups else parts[first]
    either = {word for join, group in groups[1:] if join == "or" for word in group}
    joined = [word for join, group in groups[1:] if join != "or" for word in group]
    head = _head(main)
    if either:
        either.update(main)
        head = _head(next(group for join, group in reversed(groups) if join == "or"))
    second = _specified(parts[first + 1 : first + 2])[0]
    later, behind = _specified(parts[first + 1 :])
    joined += behind
    aside.update(tokens(brand or ""))
    return FoodName(
        head=head,
        words=tuple(dict.fromkeys(main)),
        either=frozenset(either),
        joined=tuple(dict.fromkeys(joined)),
        second=tuple(dict.fromkeys(second)),
        later=tuple(dict.fromkeys(later)),
        aside=frozenset(aside),
        absent=absent,
        percents=_percents(name),
        state=_state(word for part in parts for word in part),
        brand=brand is not None or _is_shouted(name),
        kind=kind,
        every=frozenset((*main, *joined, *later, *aside, *either)),
    )


def _specified(parts: Iterable[list[str]]) -> tuple[list[str], list[str]]:
    """What the parts behind a comma say of the food, and what they join to it by "with"."""
    own: list[str] = []
    joined: list[str] = []
    for part in parts:
        for join, words in _groups(part):
            (joined if join in {"with", "in", "on", "over"} else own).extend(words)
    return own, joined


def _is_shouted(name: str) -> bool:
    """Whether a name of a brand is in it: USDA writes those in capitals."""
    if name.isupper():
        return False
    return any(word not in _ACRONYMS for word in _SHOUTED.findall(name))


def _present(words: list[str]) -> tuple[list[str], frozenset[str]]:
    """The words without those that a "no" or "without" takes away, and the latter."""
    kept: list[str] = []
    absent: set[str] = set()
    away = 0
    for place, word in enumerate(words):
        if word in NEGATIONS:
            away = 3
        elif word in _GLUED:
            absent.add(_GLUED[word])
        elif place + 1 < len(words) and words[place + 1] == "free":
            absent.add(word)
        elif word == "free" and place and words[place - 1] in absent:
            continue
        elif away and word not in JOINS:
            away -= 1
            absent.add(word)
        elif word == "not":
            away = 3
        else:
            away = 0 if word in JOINS else away
            kept.append(word)
    return kept, frozenset(absent)


def _groups(words: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The words between "and", "with" and the like, each group with the word that joins it to the one before."""
    join, group = "", list[str]()
    for word in words:
        if word in JOINS:
            if group:
                yield join, group
                group = []
            join = word
        else:
            group.append(word)
    if group:
        yield join, group


def _head(words: list[str]) -> str:
    if len(words) > 1 and words[-1] in _PARTS:
        words = words[:-1]
    nouns = [word for word in words if word not in _NO_HEADS and not word[0].isdigit()]
    foods = [word for word in nouns if word not in CUTS and word != "meat"]
    if foods and nouns[-1] not in foods:
        return foods[-1]  # "swordfish steak" is swordfish
    return nouns[-1] if nouns else words[-1]


def _state(words: Iterable[str]) -> FoodState | None:
    found = set(words)
    if found & RAW:
        return FoodState.RAW
    return FoodState.COOKED if found & COOKING else None


def _percents(name: str) -> tuple[Range, ...]:
    text = plain(name)
    found = [
        (float(low), float(high)) if low else (float(one), float(one))
        for low, high, one in _PERCENT.findall(text)
    ]
    found += [(float(lean), float(lean)) for lean, _ in _LEAN_FAT.findall(text)]
    return tuple(found)


def query_words(name: str) -> list[dict[str, int]]:
    """For each name of the food the words to look for, and how much each counts: the head noun most."""
    said = dict.fromkeys(tokens(name[:MAX_NAME]), 1)
    return [
        said
        | {
            word: 4 if word == food.head else 1 if word in food.joined else 2
            for word in (*food.joined, *food.words, *(f"{low:g}%" for low, _ in food.percents))
        }
        for food in asked(name)
    ]


def index_words(word: str) -> list[str]:
    """Under which words a word of a record's name is found."""
    return list(dict.fromkeys((*tokens(word), *canonical(word))))
