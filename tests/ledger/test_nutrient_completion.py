"""Nutrients filled in later: once, however many processes try, and without pressing a database that is down."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError

from ledger import (
    UNKNOWN,
    AwaitingMeal,
    FoodSearch,
    LedgerError,
    Meal,
    MealStatus,
    NutrientCompletion,
    ServiceUnavailable,
    WarningCode,
)
from ledger.local_day import now
from ledger.nutrient_completion import GIVE_UP_AFTER, MEALS_IN_A_ROUND, Outcome
from tests.ledger.kitchen import Kitchen, kitchen
from tests.ledger.plates import ALICE, CHICKEN, awaiting, entry
from tests.ledger.ports import Database

EVERY = timedelta(seconds=30)
DOWN = ServiceUnavailable("down")
REQUESTED = now()


class Found:
    """A finder that has found these meals, all requested at one moment, and remembers what it was asked."""

    def __init__(self, *meals: Meal | str) -> None:
        self.meals = [
            AwaitingMeal(meal_id=meal if isinstance(meal, str) else str(meal.id), requested_at=REQUESTED)
            for meal in meals
        ]
        self.asked: list[datetime] = []

    async def meals_awaiting_nutrients(
        self, requested_after: datetime, previous: AwaitingMeal | None, limit: int
    ) -> Sequence[AwaitingMeal]:
        self.asked.append(requested_after)
        start = 0 if previous is None else self.meals.index(previous) + 1
        return self.meals[start : start + limit]


class Clock:
    def __init__(self) -> None:
        self.now = REQUESTED

    def __call__(self) -> datetime:
        return self.now


def fruits() -> Database:
    return Database({"cherimoya": CHICKEN})


@asynccontextmanager
async def kept(*meals: Meal) -> AsyncIterator[Kitchen]:
    async with kitchen() as it:
        for meal in meals:
            await it.meals.append(meal)
        yield it


def completion(
    it: Kitchen, finder: Found, *databases: Database, clock: Clock | None = None, every: timedelta = EVERY
) -> NutrientCompletion:
    return NutrientCompletion(finder, it.meals, FoodSearch(databases), every=every, clock=clock or Clock())


async def test_an_entry_gets_the_nutrients_that_its_analysis_missed() -> None:
    meal = awaiting()
    async with kept(meal) as it:
        finder = Found(meal)
        assert await completion(it, finder, fruits()).once() == [Outcome.COMPLETED]
        assert it.topics() == ["MealAnalysisRequested", "MealAnalyzed", "MealNutrientsCompleted"]
        after = await it.meals.get(meal.id)
        assert after.status is MealStatus.ANALYZED
        assert after.entries[1].nutrients == CHICKEN.for_grams(50)
        assert after.entries[1].provenance is not None
        assert [warning.code for warning in after.warnings] == [WarningCode.AMOUNT_UNCERTAIN]
        assert finder.asked == [REQUESTED - GIVE_UP_AFTER]
        (last,) = it.ledger.recorder.select_notifications(3, 1)
        assert b'"actor":"system"' in last.state


async def test_a_food_of_no_database_is_known_to_be_there_in_none() -> None:
    meal = awaiting()
    async with kept(meal) as it:
        assert await completion(it, Found(meal), Database({})).once() == [Outcome.COMPLETED]
        after = await it.meals.get(meal.id)
        assert [warning.code for warning in after.warnings] == [
            WarningCode.AMOUNT_UNCERTAIN,
            WarningCode.NUTRIENTS_NOT_FOUND,
        ]


async def test_a_database_that_is_still_down_changes_nothing() -> None:
    meal = awaiting()
    async with kept(meal) as it:
        assert await completion(it, Found(meal), Database({}, error=DOWN)).once() == [Outcome.UNAVAILABLE]
        assert it.topics() == ["MealAnalysisRequested", "MealAnalyzed"]


async def test_what_one_database_has_does_not_wait_for_another() -> None:
    meal = awaiting(entry("cherimoya", 50, UNKNOWN), entry("oca", 70, UNKNOWN))
    async with kept(meal) as it:
        worker = completion(it, Found(meal), fruits(), Database({}, error=DOWN))
        assert await worker.once() == [Outcome.COMPLETED]
        after = await it.meals.get(meal.id)
        assert [awaited.name for awaited in after.awaiting_nutrients] == ["oca"]


async def test_a_meal_that_awaits_nothing_any_more_is_left_alone() -> None:
    """The read model may lag: a candidate may be completed or deleted by now."""
    deleted = awaiting()
    deleted.delete(actor=ALICE)
    async with kept(deleted) as it:
        fruit = fruits()
        assert await completion(it, Found(deleted), fruit).once() == [Outcome.NOTHING_TO_DO]
        assert fruit.searches == []


async def test_processes_that_search_at_once_append_one_event() -> None:
    meal = awaiting()
    async with kept(meal) as it:
        searching = asyncio.Barrier(2)
        rounds = [
            completion(it, Found(meal), Database({"cherimoya": CHICKEN}, gate=searching)).once()
            for _ in range(2)
        ]
        outcomes = [outcome for [outcome] in await asyncio.gather(*rounds)]
        assert sorted(outcomes, key=str) == [Outcome.COMPLETED, Outcome.NOTHING_TO_DO]
        assert it.topics().count("MealNutrientsCompleted") == 1


async def test_a_meal_changed_meanwhile_is_completed_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    meal = awaiting()
    async with kept(meal) as it:
        append = it.meals.append

        async def after_its_owner(completed: Meal) -> int:
            monkeypatch.setattr(it.meals, "append", append)
            own = await it.meals.get(meal.id)
            amounts = {own.entries[1].id: 80.0}
            own.update(timing=own.timing, notes=None, amounts=amounts, actor=ALICE)
            await append(own)
            return await append(completed)

        monkeypatch.setattr(it.meals, "append", after_its_owner)
        database = fruits()
        assert await completion(it, Found(meal), database).once() == [Outcome.COMPLETED]
        assert database.searches == ["cherimoya"]
        assert (await it.meals.get(meal.id)).entries[1].nutrients == CHICKEN.for_grams(80)


async def test_a_meal_that_keeps_changing_is_left_to_a_later_round(monkeypatch: pytest.MonkeyPatch) -> None:
    meal = awaiting()
    async with kept(meal) as it:
        append = it.meals.append

        async def after_its_owner(completed: Meal) -> int:
            own = await it.meals.get(meal.id)
            own.update(timing=own.timing, notes=str(own.version), amounts={}, actor=ALICE)
            await append(own)
            return await append(completed)

        monkeypatch.setattr(it.meals, "append", after_its_owner)
        assert await completion(it, Found(meal), fruits()).once() == [Outcome.NOTHING_TO_DO]
        assert "MealNutrientsCompleted" not in it.topics()


async def test_an_unreadable_stream_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    meal = awaiting()
    async with kept(meal) as it:
        worker = completion(it, Found("no meal", str(uuid4()), meal), fruits())
        assert await worker.once() == [Outcome.NOTHING_TO_DO, Outcome.NOTHING_TO_DO, Outcome.COMPLETED]
    assert caplog.text.count("nutrient_completion_skipped") == 2


async def test_an_unreachable_store_ends_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    meal = awaiting()
    async with kept(meal) as it:

        def save(*_: object) -> None:
            raise OperationalError("no primary")

        monkeypatch.setattr(it.ledger, "save", save)
        with pytest.raises(LedgerError, match="cannot be reached"):
            await completion(it, Found(meal), fruits()).once()


async def test_a_round_takes_a_few_meals_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meals = [awaiting() for _ in range(MEALS_IN_A_ROUND + 2)]
    async with kept(*meals) as it:
        loaded: list[UUID] = []
        get = it.meals.get

        async def recorded(meal_id: UUID) -> Meal:
            loaded.append(meal_id)
            return await get(meal_id)

        monkeypatch.setattr(it.meals, "get", recorded)
        worker = completion(it, Found(*meals), Database({}, error=DOWN))
        assert await worker.once() == [Outcome.UNAVAILABLE] * MEALS_IN_A_ROUND
        assert await worker.once() == [Outcome.UNAVAILABLE] * 2
        assert loaded == [meal.id for meal in meals]
        assert await worker.once() == []


async def test_the_rounds_walk_over_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.nutrient_completion._PAGE", 2)
    meals = [awaiting() for _ in range(5)]
    async with kept(*meals) as it:
        worker = completion(it, Found(*meals), Database({}, error=DOWN))
        assert [len(await worker.once()) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_meal_waits_for_half_its_age_and_an_hour_at_most() -> None:
    meal = awaiting()
    async with kept(meal) as it:
        clock, database = Clock(), Database({}, error=DOWN)
        worker = completion(it, Found(meal), database, clock=clock)
        tried: list[float] = []
        for minute in range(8 * 60):
            clock.now = REQUESTED + timedelta(minutes=minute)
            if await worker.once():
                tried.append(minute)
        assert tried[:7] == [0, 1, 2, 3, 5, 8, 12]
        assert [later - earlier for earlier, later in zip(tried[-4:], tried[-3:], strict=False)] == [60] * 3


@pytest.mark.parametrize(
    ("outcomes", "pauses"),
    [
        ([], [30]),
        ([Outcome.NOTHING_TO_DO], [30]),
        ([Outcome.UNAVAILABLE, Outcome.COMPLETED], [30]),
        ([Outcome.UNAVAILABLE], [60, 120, 240, 480, 600, 600]),
    ],
)
async def test_the_pause_grows_while_a_database_is_down(outcomes: list[Outcome], pauses: list[int]) -> None:
    async with kept() as it:
        worker, pause = completion(it, Found()), EVERY
        for seconds in pauses:
            pause = worker._pause_after(outcomes, pause)
            assert pause.total_seconds() == seconds
        assert worker._pause_after([], pause) == EVERY


async def test_a_failed_round_is_followed_by_the_next(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Found):
        asked_thrice = asyncio.Event()

        async def meals_awaiting_nutrients(
            self, requested_after: datetime, previous: AwaitingMeal | None, limit: int
        ) -> Sequence[AwaitingMeal]:
            await super().meals_awaiting_nutrients(requested_after, previous, limit)
            if len(self.asked) == 3:
                self.asked_thrice.set()
            raise RuntimeError("no database")

    async with kept() as it:
        finder = Broken()
        worker = completion(it, finder, every=timedelta(milliseconds=1))
        working = asyncio.create_task(worker.forever())
        await asyncio.wait_for(finder.asked_thrice.wait(), 5)
        working.cancel()
        await asyncio.wait([working])
    assert "nutrient_completion_failed" in caplog.text
