"""The search for foods in the nutrient databases, one database after the other, until one has the food."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from ledger.errors import RateLimited, ServiceUnavailable
from ledger.food_matching import Match, best_match
from ledger.nutrition import UNKNOWN, Nutrients, rounded
from ledger.ports import FoodRecord, NutrientDatabase, RecognizedFood, Remark
from ledger.values import FoodAlternative, MealWarning, Provenance, WarningCode


class FoundFood(Struct, frozen=True, kw_only=True):
    """A food and its record, None where no database has one; and all records that were offered.

    `unavailable`: a database that may have the food, or have it better, could not be asked.
    """

    food: RecognizedFood
    match: Match | None
    records: tuple[FoodRecord, ...] = ()
    unavailable: bool

    @property
    def is_open(self) -> bool:
        """Whether a later search may find what this one could not."""
        return self.match is None and self.unavailable

    @property
    def per_100g(self) -> Nutrients:
        return UNKNOWN if self.match is None else self.match.record.per_100g

    @property
    def provenance(self) -> Provenance | None:
        return None if self.match is None else _provenance(self.match)

    @property
    def alternatives(self) -> tuple[FoodAlternative, ...]:
        return () if self.match is None else tuple(map(_alternative, self.match.alternatives))

    def warnings(self, entry_id: str) -> tuple[MealWarning, ...]:
        """What the person should know of the food and of its nutrients."""
        return tuple(
            MealWarning(code=remark.code, message=remark.message, entry_id=entry_id)
            for remark in (*self.food.remarks, *self._remarks())
        )

    def _remarks(self) -> tuple[Remark, ...]:
        if self.match is None:
            code = WarningCode.NUTRIENTS_UNAVAILABLE if self.is_open else WarningCode.NUTRIENTS_NOT_FOUND
            return (Remark(code=code, message=_WITHOUT_RECORD[code].format(name=self.food.name)),)
        if not self.match.uncertain:
            return self.match.record.remarks
        message = f"{self.food.name!r} was taken as {self.match.record.name!r}, which may be another food."
        return (
            *self.match.record.remarks,
            Remark(code=WarningCode.MATCH_UNCERTAIN, message=message),
        )


class FoodSearch:
    """Searches the databases in their order. One that is down, over its limit or misconfigured fails no search.

    The matching, some milliseconds of pure computing for each food, is done in a thread: the event loop goes on.
    """

    def __init__(self, databases: Sequence[NutrientDatabase], *, at_once: int = 8) -> None:
        self._databases = databases
        self._at_once = at_once
        self._matching = ThreadPoolExecutor(1, "food-matching")

    async def find(self, foods: Sequence[RecognizedFood], *, until: float | None = None) -> list[FoundFood]:
        """What was found for each food, in their order; at most `at_once` foods are searched at a time.

        `until`, on the event loop's clock, ends the searches that take longer: to them the databases that they have
        not asked by then are unavailable.
        """
        places = asyncio.Semaphore(self._at_once)

        async def find(food: RecognizedFood) -> FoundFood:
            async with places:
                return await self._find(food, until)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(find(food)) for food in foods]
        return [task.result() for task in tasks]

    async def _find(self, food: RecognizedFood, until: float | None) -> FoundFood:
        best: Match | None = None
        unavailable = False
        records: list[FoodRecord] = []
        try:
            async with asyncio.timeout_at(until):
                for database in self._databases:
                    try:
                        offered = await database.search(food.name)
                    except (RateLimited, ServiceUnavailable):
                        unavailable = True
                        continue
                    records += offered
                    match = await asyncio.get_running_loop().run_in_executor(
                        self._matching, best_match, food, offered
                    )
                    if match is not None and (best is None or match.confidence > best.confidence):
                        best = match
                    if best is not None and best.says_the_food:
                        break
        except TimeoutError:
            unavailable = True
        return FoundFood(food=food, match=best, records=tuple(records), unavailable=unavailable)


def _provenance(match: Match) -> Provenance:
    record = match.record
    return Provenance(
        source=record.source,
        source_id=record.source_id,
        data_type=record.data_type,
        food_name=record.name,
        published=record.published,
        match_confidence=rounded(match.confidence),
        release=record.release,
        carbohydrate=record.carbohydrate,
    )


def _alternative(record: FoodRecord) -> FoodAlternative:
    return FoodAlternative(
        source=record.source,
        source_id=record.source_id,
        food_name=record.name,
        calories=record.per_100g.calories,
    )


_WITHOUT_RECORD = {
    WarningCode.NUTRIENTS_NOT_FOUND: "{name!r} is in no database: its nutrients are unknown.",
    WarningCode.NUTRIENTS_UNAVAILABLE: (
        "A database was not available for {name!r}: its nutrients are unknown for now, and looked up again for a week."
    ),
}
