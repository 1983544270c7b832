"""How the local model reads the words of a photo's file name, where few people describe their plate."""

from collections.abc import Container, Sequence
from dataclasses import replace

from ops.stand_ins.hint_parser import IDLE, PORTION_G
from ops.stand_ins.hint_tokens import Word, parts
from ops.stand_ins.plate_words import STATES, KnownFood, PlateFood, PlateWords, State
from ops.stand_ins.stemming import stem


class FileNameParser:
    """Finds the foods that it knows; of the other words only those of `food_words`, as stems, can mean something."""

    def __init__(self, words: PlateWords, food_words: Container[str]) -> None:
        self._words = words
        self._food_words = food_words

    def read(self, text: str) -> list[PlateFood]:
        """The foods in order of mention, each name once: of "my chicken rice" both, of "chicken tikka masala" the dish.

        A part between breaks in which no food is known says nothing.
        """
        once: dict[str, PlateFood] = {}
        for part in parts(text, self._words.joined):
            for food in self._foods([token.plain for token in part if isinstance(token, Word)]):
                once.setdefault(food.name, food)
        return list(once.values())

    def _foods(self, words: Sequence[str]) -> list[PlateFood]:
        """A state belongs to the food after it, at the end to the one before it."""
        foods: list[PlateFood] = []
        dish: list[str] = []
        is_dish = False
        state: State | None = None
        place = 0
        while place < len(words):
            known, length = self._words.at(words, place) or (None, 1)
            word = words[place]
            if known is not None:
                foods.append(_portion(known, state))
                state = None
            elif word in STATES:
                state = STATES[word]
            elif word in IDLE or len(word) == 1 or stem(word) not in self._food_words:
                place += 1
                continue
            else:
                is_dish = True
            dish += words[place : place + length]
            place += length
        if foods and is_dish:
            return [PlateFood(" ".join(dish), PORTION_G, None)]
        if foods and state is not None:
            foods[-1] = replace(foods[-1], state=state)
        return foods


def _portion(food: KnownFood, state: State | None) -> PlateFood:
    return PlateFood(food.name, food.portion_g, state or food.state)
