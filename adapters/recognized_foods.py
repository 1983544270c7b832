"""The foods in a model's answer, each read for itself: not every server keeps to a schema that it was given."""

import re
from collections.abc import Sequence

from msgspec import Struct

from adapters.food_prompt import MOST_FOODS
from adapters.json_in_text import last_json
from adapters.model_words import amount_of, confidence_of, state_of
from ledger import RecognizedFood, Remark, WarningCode

LONGEST_NAME = 200
"""Names are cut there before anything else looks at them, in characters."""

# Control characters and halves of surrogate pairs: JSON can carry them, no name has them.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class RecognizedPlate(Struct, frozen=True, kw_only=True):
    """The dish's name and its foods. `remarks` tell of foods that were left out."""

    dish_name: str | None
    foods: tuple[RecognizedFood, ...]
    remarks: tuple[Remark, ...] = ()


class _Foods(Struct, frozen=True):
    dish_name: object
    foods: Sequence[object]


def read_plate(text: str) -> RecognizedPlate:
    """The plate that the model told. Raises ValueError where no food of those that it told can be read.

    A food needs a name and nothing else: an amount that cannot be read is NaN, since whether an amount can be used is
    the ledger's to judge, and everything else is unknown. The first MOST_FOODS foods are kept.
    """
    answer = last_json(text, _answer)
    if answer is None:
        raise ValueError("no list of foods")
    told = answer.foods[:MOST_FOODS]
    foods = tuple(food for food in map(_recognized, told) if food is not None)
    if told and not foods:
        raise ValueError("no food that can be read")
    return RecognizedPlate(
        dish_name=_name(answer.dish_name),
        foods=foods,
        remarks=_left_out(unreadable=len(told) - len(foods), too_many=len(answer.foods) - len(told)),
    )


def _answer(value: object) -> _Foods | None:
    """An object with foods, none of them null as in some languages, or a bare list of objects with names."""
    if isinstance(value, dict) and "foods" in value:
        foods = value["foods"]
        if foods is None or isinstance(foods, list):
            return _Foods(value.get("dish_name"), foods or ())
    if isinstance(value, list) and any(isinstance(food, dict) and "name" in food for food in value):
        return _Foods(None, value)
    return None


def _recognized(told: object) -> RecognizedFood | None:
    if not isinstance(told, dict):
        return None
    name = _name(told.get("name"))
    if name is None:
        return None
    amount = amount_of(told.get("grams"))
    doubt = amount.doubt
    remarks = (_remark(WarningCode.AMOUNT_UNCERTAIN, f"{name!r}: {doubt}."),) if doubt else ()
    return RecognizedFood(
        name=name,
        grams=amount.grams,
        state=state_of(told.get("state")),
        confidence=confidence_of(told.get("confidence")),
        remarks=remarks,
    )


def _name(told: object) -> str | None:
    if not isinstance(told, str):
        return None
    return " ".join(_UNWRITABLE.sub(" ", told[:LONGEST_NAME]).split()) or None


def _left_out(*, unreadable: int, too_many: int) -> tuple[Remark, ...]:
    remarks = []
    if unreadable:
        remarks.append(
            _remark(
                WarningCode.FOOD_UNREADABLE,
                f"{_foods(unreadable)} left out: the model's answer cannot be read.",
            )
        )
    if too_many:
        remarks.append(
            _remark(
                WarningCode.FOODS_LEFT_OUT, f"{_foods(too_many)} left out: a meal has {MOST_FOODS} at most."
            )
        )
    return tuple(remarks)


def _foods(count: int) -> str:
    return "1 food was" if count == 1 else f"{count} foods were"


def _remark(code: WarningCode, message: str) -> Remark:
    return Remark(code=code, message=message)
