"""The analysis: foods and grams from the model, every nutrient from a database."""

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

from ledger.errors import ANALYSIS_FAILURES, NoFoodRecognized, RateLimited, ServiceUnavailable
from ledger.food_matching import Match, best_match
from ledger.nutrition import UNKNOWN, is_amount, rounded
from ledger.ports import FoodRecognizer, FoodRecord, NutrientDatabase, RecognizedFood
from ledger.values import MealEntry, MealWarning, Proposal, Provenance, WarningCode


class MealAnalysis:
    """Proposes a meal for a photo. The first database must answer; the others are searched for the foods it lacks."""

    def __init__(
        self,
        recognizer: FoodRecognizer,
        databases: Sequence[NutrientDatabase],
        *,
        searches_at_once: int = 8,
    ) -> None:
        self._recognizer = recognizer
        self._first, *self._others = databases
        self._searches_at_once = searches_at_once

    async def propose(self, *, photo_url: str, dish_hint: str | None, user_id: str) -> Proposal:
        """The proposed meal. Raises an AnalysisFailure; the caller sets the deadline."""
        started = time.monotonic()
        recognition = await self._recognizer.recognize(
            photo_url=photo_url, dish_hint=dish_hint, user_id=user_id
        )
        foods = [food for food in recognition.foods if is_amount(food.grams)]
        if not foods:
            raise NoFoodRecognized("No food was recognised in the photo.")
        unusable = [_unusable(food) for food in recognition.foods if not is_amount(food.grams)]
        matched = await self._match_all(foods)
        return Proposal(
            dish_name=recognition.dish_name,
            entries=tuple(entry for entry, _ in matched),
            warnings=(*unusable, *(warning for _, warning in matched if warning is not None)),
            run=recognition.run,
            duration_ms=round((time.monotonic() - started) * 1000),
        )

    async def _match_all(self, foods: Sequence[RecognizedFood]) -> list[tuple[MealEntry, MealWarning | None]]:
        """Match all foods concurrently, within the bound on searches; the first failure cancels the others."""
        places = asyncio.Semaphore(self._searches_at_once)

        async def match(food: RecognizedFood) -> tuple[MealEntry, MealWarning | None]:
            async with places:
                return await self._match(food)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(match(food)) for food in foods]
        except ExceptionGroup as failures:
            expected = [failure for failure in failures.exceptions if isinstance(failure, ANALYSIS_FAILURES)]
            if len(expected) < len(failures.exceptions):
                raise
            raise expected[0] from failures
        return [task.result() for task in tasks]

    async def _match(self, food: RecognizedFood) -> tuple[MealEntry, MealWarning | None]:
        match = best_match(food, await self._first.search(food.name))
        if match is not None:
            return _entry(food, match), None
        for database in self._others:
            try:
                match = best_match(food, await database.search(food.name))
            except (RateLimited, ServiceUnavailable):
                return _unmatched(food, WarningCode.NUTRIENTS_UNAVAILABLE)
            if match is not None:
                return _entry(food, match), None
        return _unmatched(food, WarningCode.NUTRIENTS_NOT_FOUND)


def _entry(food: RecognizedFood, match: Match | None) -> MealEntry:
    per_100g = match.record.per_100g if match else UNKNOWN
    grams = rounded(food.grams)
    return MealEntry(
        id=str(uuid4()),
        name=food.name,
        quantity_g=grams,
        per_100g=per_100g,
        nutrients=per_100g.for_grams(grams),
        confidence=food.confidence,
        provenance=_provenance(match.record, match.confidence) if match else None,
    )


def _provenance(record: FoodRecord, confidence: float) -> Provenance:
    return Provenance(
        source=record.source,
        source_id=record.source_id,
        data_type=record.data_type,
        food_name=record.name,
        published=record.published,
        match_confidence=rounded(confidence),
    )


_UNMATCHED = {
    WarningCode.NUTRIENTS_NOT_FOUND: "{name!r} is in no database: its nutrients are unknown.",
    WarningCode.NUTRIENTS_UNAVAILABLE: "A database was not available for {name!r}: its nutrients are unknown.",
}


def _unmatched(food: RecognizedFood, code: WarningCode) -> tuple[MealEntry, MealWarning]:
    entry = _entry(food, None)
    return entry, MealWarning(code=code, message=_UNMATCHED[code].format(name=food.name), entry_id=entry.id)


def _unusable(food: RecognizedFood) -> MealWarning:
    return MealWarning(
        code=WarningCode.AMOUNT_UNUSABLE,
        message=f"{food.name!r} was left out: the model gave no usable amount.",
        entry_id=None,
    )
