"""The analysis: foods and grams from the model, every nutrient from a database."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from uuid import uuid4

from msgspec import structs

from ledger.errors import AmountUnusable, NoFoodRecognized, RateLimited, ServiceUnavailable
from ledger.food_matching import MAX_NAME, Match, best_match, canonical
from ledger.nutrition import MAX_GRAMS, UNKNOWN, is_amount, rounded
from ledger.ports import FoodRecognizer, FoodRecord, NutrientDatabase, RecognizedFood, Remark
from ledger.values import (
    FoodAlternative,
    FoodState,
    MealEntry,
    MealWarning,
    Proposal,
    Provenance,
    WarningCode,
)


class MealAnalysis:
    """Proposes a meal for a photo. The databases are searched in their order, until one has the food."""

    def __init__(
        self,
        recognizer: FoodRecognizer,
        databases: Sequence[NutrientDatabase],
        *,
        searches_at_once: int = 8,
    ) -> None:
        self._recognizer = recognizer
        self._databases = databases
        self._searches_at_once = searches_at_once

    async def propose(self, *, photo_url: str, dish_hint: str | None, user_id: str) -> Proposal:
        """The proposed meal. Raises an AnalysisFailure; the caller sets the deadline.

        A database that is down, over its limit or misconfigured fails no analysis: the next one is asked.
        """
        started = time.monotonic()
        recognition = await self._recognizer.recognize(
            photo_url=photo_url, dish_hint=dish_hint, user_id=user_id
        )
        foods = merged([food for food in recognition.foods if is_amount(food.grams)])
        unusable = [food for food in recognition.foods if not is_amount(food.grams)]
        if not foods and unusable:
            raise AmountUnusable("Foods were recognised, but no usable amount of any of them.")
        if not foods:
            raise NoFoodRecognized("No food was recognised in the photo.")
        entries = await self._match_all(foods)
        return Proposal(
            dish_name=recognition.dish_name,
            entries=tuple(entry for entry, _ in entries),
            warnings=(
                *(_warning(remark, None) for remark in recognition.remarks),
                *(_unusable(food) for food in unusable),
                *(warning for _, warnings in entries for warning in warnings),
            ),
            run=recognition.run,
            duration_ms=round((time.monotonic() - started) * 1000),
        )

    async def _match_all(self, foods: Sequence[RecognizedFood]) -> list[tuple[MealEntry, list[MealWarning]]]:
        """Match all foods concurrently, within the bound on searches."""
        places = asyncio.Semaphore(self._searches_at_once)

        async def match(food: RecognizedFood) -> tuple[MealEntry, list[MealWarning]]:
            async with places:
                return await self._match(food)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(match(food)) for food in foods]
        return [task.result() for task in tasks]

    async def _match(self, food: RecognizedFood) -> tuple[MealEntry, list[MealWarning]]:
        best: Match | None = None
        unavailable = False
        for database in self._databases:
            try:
                match = best_match(food, await database.search(food.name))
            except (RateLimited, ServiceUnavailable):
                unavailable = True
                continue
            if match is not None and (best is None or match.confidence > best.confidence):
                best = match
            if best is not None and best.says_the_food:
                break
        entry = _entry(food, best)
        remarks = [*food.remarks, *_remarks(food, best, unavailable=unavailable)]
        return entry, [_warning(remark, entry.id) for remark in remarks]


def merged(foods: Iterable[RecognizedFood]) -> list[RecognizedFood]:
    """The foods, equal ones as one: with the sum of their grams, and the mean of their confidences."""
    groups: dict[tuple[tuple[str, ...], FoodState | None], list[RecognizedFood]] = {}
    for food in foods:
        groups.setdefault((tuple(canonical(food.name[:MAX_NAME])) or (food.name,), food.state), []).append(
            food
        )
    return [equal[0] if len(equal) == 1 else _one(equal) for equal in groups.values()]


def _one(equal: Sequence[RecognizedFood]) -> RecognizedFood:
    known = [food.confidence for food in equal if food.confidence is not None]
    return structs.replace(
        equal[0],
        grams=min(sum(food.grams for food in equal), MAX_GRAMS),
        confidence=sum(known) / len(known) if known else None,
        remarks=tuple(dict.fromkeys(remark for food in equal for remark in food.remarks)),
    )


def _remarks(food: RecognizedFood, match: Match | None, *, unavailable: bool) -> list[Remark]:
    """What the person should know of the food's nutrients."""
    if match is None:
        code = WarningCode.NUTRIENTS_UNAVAILABLE if unavailable else WarningCode.NUTRIENTS_NOT_FOUND
        return [Remark(code=code, message=_UNMATCHED[code].format(name=food.name))]
    found = list(match.record.remarks)
    if match.uncertain:
        message = f"{food.name!r} was taken as {match.record.name!r}, which may be another food."
        found.append(Remark(code=WarningCode.MATCH_UNCERTAIN, message=message))
    return found


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
        state=food.state,
        alternatives=tuple(_alternative(record) for record in match.alternatives) if match else (),
    )


def _alternative(record: FoodRecord) -> FoodAlternative:
    return FoodAlternative(
        source=record.source,
        source_id=record.source_id,
        food_name=record.name,
        calories=record.per_100g.calories,
    )


def _provenance(record: FoodRecord, confidence: float) -> Provenance:
    return Provenance(
        source=record.source,
        source_id=record.source_id,
        data_type=record.data_type,
        food_name=record.name,
        published=record.published,
        match_confidence=rounded(confidence),
        release=record.release,
        carbohydrate=record.carbohydrate,
    )


_UNMATCHED = {
    WarningCode.NUTRIENTS_NOT_FOUND: "{name!r} is in no database: its nutrients are unknown.",
    WarningCode.NUTRIENTS_UNAVAILABLE: "A database was not available for {name!r}: its nutrients are unknown.",
}


def _warning(remark: Remark, entry_id: str | None) -> MealWarning:
    return MealWarning(code=remark.code, message=remark.message, entry_id=entry_id)


def _unusable(food: RecognizedFood) -> MealWarning:
    return MealWarning(
        code=WarningCode.AMOUNT_UNUSABLE,
        message=f"{food.name!r} was left out: the model gave no usable amount.",
        entry_id=None,
    )
