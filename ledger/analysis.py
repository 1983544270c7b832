"""The analysis: foods and grams from the model, every nutrient from a database."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from uuid import uuid4

from msgspec import Struct, structs

from ledger.errors import ANALYSIS_FAILURES, AmountUnusable, NoFoodRecognized, RateLimited, ServiceUnavailable
from ledger.food_matching import MAX_NAME, Match, best_match, candidates, canonical, chosen_match
from ledger.nutrition import MAX_GRAMS, UNKNOWN, is_amount, rounded
from ledger.ports import (
    FoodChoice,
    FoodChooser,
    FoodRecognizer,
    FoodRecord,
    NutrientDatabase,
    RecognizedFood,
    Remark,
)
from ledger.values import (
    ChoiceRun,
    FoodAlternative,
    FoodState,
    MealEntry,
    MealWarning,
    Proposal,
    Provenance,
    WarningCode,
)

_log = logging.getLogger(__name__)

_MOST_CHOICES = 30


class _Found(Struct, frozen=True, kw_only=True):
    """What the databases have for one food. `unavailable`: one of them could not be asked."""

    food: RecognizedFood
    match: Match | None
    records: tuple[FoodRecord, ...]
    unavailable: bool


class MealAnalysis:
    """Proposes a meal for a photo. The databases are searched in their order, until one has the food.

    Where there is a `chooser`, it chooses among the records for all foods in one call; when it fails, the best score
    decides as it does without one.
    """

    def __init__(
        self,
        recognizer: FoodRecognizer,
        databases: Sequence[NutrientDatabase],
        *,
        chooser: FoodChooser | None = None,
        searches_at_once: int = 8,
    ) -> None:
        self._recognizer = recognizer
        self._databases = databases
        self._chooser = chooser
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
        found, choice = await self._choose(await self._search_all(foods), user_id)
        entries = [_proposed(one) for one in found]
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
            choice=choice,
        )

    async def _search_all(self, foods: Sequence[RecognizedFood]) -> list[_Found]:
        """Search all foods concurrently, within the bound on searches."""
        places = asyncio.Semaphore(self._searches_at_once)

        async def search(food: RecognizedFood) -> _Found:
            async with places:
                return await self._search(food)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(search(food)) for food in foods]
        return [task.result() for task in tasks]

    async def _search(self, food: RecognizedFood) -> _Found:
        best: Match | None = None
        records: list[FoodRecord] = []
        unavailable = False
        for database in self._databases:
            try:
                offered = await database.search(food.name)
            except (RateLimited, ServiceUnavailable):
                unavailable = True
                continue
            records += offered
            match = best_match(food, offered)
            if match is not None and (best is None or match.confidence > best.confidence):
                best = match
            if best is not None and best.says_the_food:
                break
        return _Found(food=food, match=best, records=tuple(records), unavailable=unavailable)

    async def _choose(
        self, found: Sequence[_Found], user_id: str
    ) -> tuple[Sequence[_Found], ChoiceRun | None]:
        """What the chooser made of it; as it was when there is no chooser, or it fails."""
        listed = [candidates(one.food, one.records)[:_MOST_CHOICES] for one in found]
        asked = [place for place, offered in enumerate(listed) if offered]
        if self._chooser is None or not asked:
            return found, None
        choices = [
            FoodChoice(
                name=found[place].food.name,
                state=found[place].food.state,
                candidates=tuple(candidate.record for candidate in listed[place]),
            )
            for place in asked
        ]
        try:
            outcome = await self._chooser.choose(foods=choices, user_id=user_id)
        except ANALYSIS_FAILURES as failure:
            _log.warning("food_choice_failed", extra={"code": failure.code})
            return found, None
        chosen = list(found)
        for place, number in zip(asked, outcome.chosen, strict=True):
            match = None if number is None else chosen_match(listed[place][number])
            chosen[place] = structs.replace(found[place], match=match)
        return chosen, ChoiceRun(run=outcome.run, duration_ms=outcome.duration_ms)


def _proposed(found: _Found) -> tuple[MealEntry, list[MealWarning]]:
    entry = _entry(found.food, found.match)
    remarks = [*found.food.remarks, *_remarks(found.food, found.match, unavailable=found.unavailable)]
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
