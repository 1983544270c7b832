"""What the local model knows of foods: names, other words for them, typical portions, and the states of cooking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.stand_ins.food_data import number, rows
from ops.stand_ins.stemming import stem


class State(StrEnum):
    """How a food was seen."""

    RAW = "RAW"
    COOKED = "COOKED"


_COOKING = (
    "cooked grilled roast roasted baked boiled fried steamed poached braised stewed scrambled toasted seared"
)
STATES = {"raw": State.RAW, "uncooked": State.RAW} | dict.fromkeys(_COOKING.split(), State.COOKED)
"""By the words that say them."""


@dataclass(frozen=True, slots=True)
class PlateFood:
    """A food on a plate. `grams` is the amount named, else a typical portion; `state` None: unknown."""

    name: str
    grams: float
    state: State | None


@dataclass(frozen=True, slots=True)
class KnownFood:
    """A food with its typical portion, and the weight of one piece where it is counted."""

    name: str
    portion_g: float
    piece_g: float | None
    state: State | None


class PlateWords:
    """The known foods by their words, whichever their number: "egg" and "eggs"."""

    def __init__(self) -> None:
        self._foods: dict[tuple[str, ...], KnownFood] = {}
        for row in rows("plate_words.csv"):
            for name in [row["name"], *filter(None, row["other_words"].split("; "))]:
                self._foods[tuple(stem(word) for word in name.split())] = _known(row)
        self._longest = max(len(name) for name in self._foods)
        self.joined = frozenset(name for name in self._foods if "and" in name)
        """The names with an "and" in them, as stems."""

    def at(self, words: Sequence[str], place: int) -> tuple[KnownFood, int] | None:
        """The food whose name begins at this place, the longest name first, and how many words it takes."""
        for length in range(min(self._longest, len(words) - place), 0, -1):
            food = self._foods.get(tuple(stem(word) for word in words[place : place + length]))
            if food is not None:
                return food, length
        return None


def _known(row: Mapping[str, str]) -> KnownFood:
    return KnownFood(
        name=row["name"],
        portion_g=float(row["portion_g"]),
        piece_g=number(row["piece_g"]),
        state=State(row["state"]) if row["state"] else None,
    )
