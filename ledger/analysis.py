"""The analysis: foods and grams from the model, every nutrient from a database."""

import asyncio
from collections.abc import Iterable, Sequence
from uuid import uuid4

from msgspec import structs

from ledger.errors import AmountUnusable, NoFoodRecognized
from ledger.food_choice import chosen
from ledger.food_matching import MAX_NAME, canonical
from ledger.food_search import FoodSearch, FoundFood
from ledger.nutrition import MAX_GRAMS, is_amount, rounded
from ledger.ports import FoodChooser, FoodRecognizer, RecognizedFood
from ledger.steps import Steps
from ledger.values import ChoiceRun, FoodState, MealEntry, MealWarning, Proposal, WarningCode

_SHARE_OF_TIME = 0.95
"""The share of the analysis' time after which its searches end: no recognised plate is lost to a slow database."""


class MealAnalysis:
    """Proposes a meal for a photo.

    Where there is a `chooser`, it chooses among the records; without one, and where it fails, the scores decide.
    """

    def __init__(
        self, recognizer: FoodRecognizer, search: FoodSearch, *, chooser: FoodChooser | None = None
    ) -> None:
        self._recognizer = recognizer
        self._search = search
        self._chooser = chooser

    async def propose(
        self,
        *,
        photo_url: str,
        dish_hint: str | None,
        user_id: str,
        seconds: float,
        steps: Steps | None = None,
    ) -> Proposal:
        """The proposed meal, before `seconds` have passed. Raises an AnalysisFailure, TimeoutError.

        `steps` is told how long `recognize`, `search` and `choose` took.

        Databases that are down, over their limit, misconfigured or too slow fail no analysis: the entries of which they
        say nothing have unknown nutrients, and a warning.
        """
        steps = steps or Steps()
        clock = asyncio.get_running_loop().time
        started = clock()
        async with asyncio.timeout_at(started + seconds):
            with steps.take("recognize"):
                recognition = await self._recognizer.recognize(
                    photo_url=photo_url, dish_hint=dish_hint, user_id=user_id
                )
            foods = merged(food for food in recognition.foods if is_amount(food.grams))
            unusable = [food for food in recognition.foods if not is_amount(food.grams)]
            if not foods and unusable:
                raise AmountUnusable("Foods were recognised, but no usable amount of any of them.")
            if not foods:
                raise NoFoodRecognized("No food was recognised in the photo.")
            until = started + _SHARE_OF_TIME * seconds
            with steps.take("search"):
                found: Sequence[FoundFood] = await self._search.find(foods, until=until)
            choice: ChoiceRun | None = None
            if self._chooser is not None:
                with steps.take("choose"):
                    found, choice = await chosen(self._chooser, found, user_id=user_id, until=until)
        entries = [_entry(food) for food in found]
        return Proposal(
            dish_name=recognition.dish_name,
            entries=tuple(entries),
            warnings=(
                *(
                    MealWarning(code=remark.code, message=remark.message, entry_id=None)
                    for remark in recognition.remarks
                ),
                *(_unusable(food) for food in unusable),
                *(
                    warning
                    for food, entry in zip(found, entries, strict=True)
                    for warning in food.warnings(entry.id)
                ),
            ),
            run=recognition.run,
            duration_ms=round((clock() - started) * 1000),
            choice=choice,
        )


def merged(foods: Iterable[RecognizedFood]) -> list[RecognizedFood]:
    """The foods, equal ones as one: with the sum of their grams, and the mean of their confidences."""
    groups: dict[tuple[tuple[str, ...], FoodState | None], list[RecognizedFood]] = {}
    for food in foods:
        name = tuple(canonical(food.name[:MAX_NAME])) or (food.name,)
        groups.setdefault((name, food.state), []).append(food)
    return [equal[0] if len(equal) == 1 else _one(equal) for equal in groups.values()]


def _one(equal: Sequence[RecognizedFood]) -> RecognizedFood:
    known = [food.confidence for food in equal if food.confidence is not None]
    return structs.replace(
        equal[0],
        grams=min(sum(food.grams for food in equal), MAX_GRAMS),
        confidence=sum(known) / len(known) if known else None,
        remarks=tuple(dict.fromkeys(remark for food in equal for remark in food.remarks)),
    )


def _entry(found: FoundFood) -> MealEntry:
    grams = rounded(found.food.grams)
    return MealEntry(
        id=str(uuid4()),
        name=found.food.name,
        quantity_g=grams,
        per_100g=found.per_100g,
        nutrients=found.per_100g.for_grams(grams),
        confidence=found.food.confidence,
        provenance=found.provenance,
        state=found.food.state,
        alternatives=found.alternatives,
    )


def _unusable(food: RecognizedFood) -> MealWarning:
    return MealWarning(
        code=WarningCode.AMOUNT_UNUSABLE,
        message=f"{food.name!r} was left out: the model gave no usable amount.",
        entry_id=None,
    )
