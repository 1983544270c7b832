"""How the local model reads a hint: each part of it names one food, in the person's own words where it knows none."""

from collections.abc import Container, Sequence
from itertools import takewhile

from ops.stand_ins.hint_tokens import Amount, Colon, Token, Word, parts
from ops.stand_ins.plate_words import STATES, KnownFood, PlateFood, PlateWords, State

PORTION_G = 150.0
_PIECE_G = 50.0
"""A portion and a piece of a food that the local model does not know."""

_MOST_GRAMS = 5000.0
_LONGEST_NAME = 200
_SILENT_WORDS = (
    "a an the some any of my our your his her their i we had have having ate eat eaten eating drank drinking is was it "
    "this that these there just only about approximately around roughly ca x but empty nothing leftover leftovers "
    "bowl bowls cup cups glass glasses mug mugs slice slices piece pieces portion portions serving servings plate "
    "plates handful bit small medium large"
)
SILENT = frozenset(_SILENT_WORDS.split())
"""Words that name no food where they begin or end a part."""

_IDLE_WORDS = (
    "breakfast lunch dinner supper brunch snack meal dish food photo picture image home restaurant cafe work office "
    "school today yesterday tonight now morning noon afternoon evening night me us half"
)
IDLE = SILENT | frozenset(_IDLE_WORDS.split())
"""Words that name no food where a part has no others."""

_PLACES = frozenset({"for", "at", "from", "in", "on", "to"})
"""Words after which idle ones say when or where."""

_NEGATIONS = frozenset({"no", "not", "without"})


class HintParser:
    """Reads hints such as "2 eggs, 40 g toast and 250 ml 2% milk"."""

    def __init__(self, words: PlateWords) -> None:
        self._words = words

    def read(self, text: str) -> list[PlateFood]:
        """The foods in order of mention, each name once.

        A part that is one known name, beside amount and state, is that food; any other part is a food in the words as
        typed. A part without letters, of idle words only, or that begins with "no" says nothing.
        """
        once: dict[str, PlateFood] = {}
        for part in parts(text, self._words.joined):
            food = self._food(part)
            if food is not None:
                once.setdefault(food.name.casefold(), food)
        return list(once.values())

    def _food(self, part: Sequence[Token]) -> PlateFood | None:
        words = _telling(part)
        if not words or words[0].plain in _NEGATIONS:
            return None
        amount = _amount(part)
        state = next((STATES[word.plain] for word in words if word.plain in STATES), None)
        known, is_all = self._known([word.plain for word in words])
        if known is not None and is_all:
            return PlateFood(known.name, _grams(amount, known), state or known.state)
        if state is None and known is not None and known.state is State.COOKED:
            state = State.COOKED
        return PlateFood(_as_typed(words), _grams(amount, known), state)

    def _known(self, words: Sequence[str]) -> tuple[KnownFood | None, bool]:
        """The known food with which the words end, and whether they are nothing but its name and a state.

        What comes after a "without" is not what is there.
        """
        there = list(takewhile(lambda word: word not in _NEGATIONS, words))
        last: KnownFood | None = None
        named, others, place = 0, len(words) - len(there), 0
        while place < len(there):
            known, length = self._words.at(there, place) or (None, 1)
            if known is not None:
                last, named = known, named + 1
            elif there[place] not in STATES:
                last, others = None, others + 1
            place += length
        return last, named == 1 and not others


def _telling(part: Sequence[Token]) -> list[Word]:
    """The words of the part that name its food."""
    words = [word for word in _after_heading(part) if isinstance(word, Word)]
    for place in range(len(words) - 1, 0, -1):
        if words[place].plain in _PLACES and _all_in(IDLE, words[place + 1 :]):
            words = words[:place]
    while words and words[0].plain in SILENT:
        del words[0]
    while words and words[-1].plain in SILENT:
        del words[-1]
    says_nothing = all(
        word.plain in IDLE or word.plain in STATES or word.plain.endswith("%") for word in words
    )
    return [] if says_nothing else words


def _after_heading(part: Sequence[Token]) -> Sequence[Token]:
    """The part without what says before a colon what the rest is about."""
    before = list(takewhile(lambda token: not isinstance(token, Colon), part))
    is_heading = _all_in(IDLE, [token for token in before if isinstance(token, Word)])
    return part[len(before) + 1 :] if is_heading and len(before) < len(part) else part


def _all_in(kind: Container[str], words: Sequence[Word]) -> bool:
    return all(word.plain in kind for word in words)


def _amount(part: Sequence[Token]) -> Amount | None:
    """The weight in the part, else the number of pieces."""
    amounts = [token for token in part if isinstance(token, Amount)]
    return next((amount for amount in amounts if amount.in_grams), amounts[0] if amounts else None)


def _grams(amount: Amount | None, food: KnownFood | None) -> float:
    """In that amount, or a portion; an amount that no plate holds is not believed."""
    portion, piece = PORTION_G, _PIECE_G
    if food is not None:
        portion, piece = food.portion_g, food.piece_g or food.portion_g
    if amount is None:
        return portion
    said = amount.value * (1.0 if amount.in_grams else piece)
    return round(said, 1) if 0 < said <= _MOST_GRAMS else portion


def _as_typed(words: Sequence[Word]) -> str:
    """The words in the person's spelling."""
    return (words[0].typed + "".join(word.joint + word.typed for word in words[1:]))[:_LONGEST_NAME]
