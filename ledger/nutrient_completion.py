"""The worker that fills in nutrients which no database could be asked for when their meal was analysed."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from ledger.errors import Conflict, LedgerError, ServiceUnavailable
from ledger.food_search import FoodSearch, FoundFood
from ledger.local_day import now
from ledger.meal import Meal
from ledger.ports import RecognizedFood
from ledger.repository import MealRepository
from ledger.values import Actor, FoundNutrients, MealEntry

_log = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(days=7)
"""How long after the request of its analysis a meal is tried; its entries then keep NUTRIENTS_UNAVAILABLE."""

MEALS_IN_A_ROUND = 5
"""The most meals whose foods are searched in one round, so that people's own analyses keep their share of a limit."""

_PAGE = 1000
_ATTEMPTS = 3
_LONGEST_WAIT = timedelta(hours=1)
_LONGEST_PAUSE = 20
"""The longest pause between rounds, in intervals."""


class AwaitingMeal(Struct, frozen=True, kw_only=True):
    """A meal with entries that await nutrients, and when its analysis was requested."""

    meal_id: str
    requested_at: datetime


class AwaitingMealFinder(Protocol):
    """Finds candidates, from a read model that may lag: each is checked again in its stream."""

    async def meals_awaiting_nutrients(
        self, requested_after: datetime, previous: AwaitingMeal | None, limit: int
    ) -> Sequence[AwaitingMeal]:
        """At most `limit` meals requested after that moment, newest first: those behind `previous`, or the first."""
        ...


class Outcome(Enum):
    """What came of one meal's searches."""

    COMPLETED = auto()
    """An event was appended: for one entry at least it is known now what the databases have."""
    UNAVAILABLE = auto()
    """A database could still not be asked."""
    NOTHING_TO_DO = auto()
    """Nothing is awaited any more, another process was faster, or the meal cannot be read."""


class NutrientCompletion:
    """Searches again, and appends MealNutrientsCompleted. Any number of processes may do so at once.

    A round searches a few meals, newest first, and the next one goes on behind them. A meal that was tried waits for
    half of its age, at least for an interval and at most for an hour. While rounds complete nothing because a database
    is unavailable, the pauses between them double.
    """

    def __init__(
        self,
        finder: AwaitingMealFinder,
        meals: MealRepository,
        search: FoodSearch,
        *,
        every: timedelta,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._finder = finder
        self._meals = meals
        self._search = search
        self._every = every
        self._clock = clock
        self._previous: AwaitingMeal | None = None
        self._not_before: dict[str, datetime] = {}

    async def forever(self) -> None:
        """Begin now, and go on at that interval or a longer one until cancelled. A failed round is logged."""
        pause = self._every
        while True:
            outcomes: list[Outcome] = []
            try:
                outcomes = await self.once()
            except Exception as error:  # noqa: BLE001 - the next round must follow
                _log.exception(
                    "nutrient_completion_failed", extra={"expected": isinstance(error, LedgerError)}
                )
            pause = self._pause_after(outcomes, pause)
            await asyncio.sleep(pause.total_seconds())

    async def once(self) -> list[Outcome]:
        """One round: what came of the meals that were tried, at most MEALS_IN_A_ROUND."""
        moment = self._clock()
        self._not_before = {meal_id: due for meal_id, due in self._not_before.items() if due > moment}
        page = await self._finder.meals_awaiting_nutrients(moment - GIVE_UP_AFTER, self._previous, _PAGE)
        due = [meal for meal in page if meal.meal_id not in self._not_before]
        if len(due) > MEALS_IN_A_ROUND:
            due = due[:MEALS_IN_A_ROUND]
            self._previous = due[-1]
        else:
            self._previous = page[-1] if len(page) == _PAGE else None
        for meal in due:
            self._not_before[meal.meal_id] = moment + self._wait(moment - meal.requested_at)
        return [await self._try(meal.meal_id) for meal in due]

    def _pause_after(self, outcomes: Sequence[Outcome], pause: timedelta) -> timedelta:
        if Outcome.UNAVAILABLE in outcomes and Outcome.COMPLETED not in outcomes:
            return min(2 * pause, _LONGEST_PAUSE * self._every)
        return self._every

    def _wait(self, age: timedelta) -> timedelta:
        return max(self._every, min(age / 2, _LONGEST_WAIT))

    async def _try(self, meal_id: str) -> Outcome:
        """What came of the meal. One that cannot be loaded is logged and skipped."""
        try:
            return await self._complete(UUID(meal_id))
        except ServiceUnavailable:
            raise  # the store is down, for all of them
        except Exception:  # noqa: BLE001 - one unreadable stream must not hide all the others
            _log.exception("nutrient_completion_skipped", extra={"meal_id": meal_id})
            return Outcome.NOTHING_TO_DO

    async def _complete(self, meal_id: UUID) -> Outcome:
        meal = await self._meals.get(meal_id)
        entries = meal.awaiting_nutrients
        if not entries:
            return Outcome.NOTHING_TO_DO
        foods = await self._search.find([_food(entry) for entry in entries])
        found = [
            _nutrients(entry, food) for entry, food in zip(entries, foods, strict=True) if not food.is_open
        ]
        if not found:
            return Outcome.UNAVAILABLE
        return await self._record(meal, found)

    async def _record(self, meal: Meal, found: Sequence[FoundNutrients]) -> Outcome:
        """Append what was found. The append is the claim: of all the processes that try at once, one succeeds.

        A meal that its owner changed meanwhile is decided anew, as it is by then.
        """
        for _ in range(_ATTEMPTS):
            if meal.awaiting_nutrients:
                meal.complete_nutrients(
                    found, actor=Actor(user_id="system", correlation_id=f"nutrients-{meal.id}")
                )
            if not meal.pending_events:
                break
            try:
                await self._meals.append(meal)
            except Conflict:
                meal = await self._meals.get(meal.id)
            else:
                _log.info("nutrients_completed", extra={"meal_id": str(meal.id), "entries": len(found)})
                return Outcome.COMPLETED
        return Outcome.NOTHING_TO_DO


def _food(entry: MealEntry) -> RecognizedFood:
    return RecognizedFood(
        name=entry.name, grams=entry.quantity_g, state=entry.state, confidence=entry.confidence
    )


def _nutrients(entry: MealEntry, food: FoundFood) -> FoundNutrients:
    return FoundNutrients(
        entry_id=entry.id,
        per_100g=food.per_100g,
        provenance=food.provenance,
        alternatives=food.alternatives,
        warnings=food.warnings(entry.id),
    )
