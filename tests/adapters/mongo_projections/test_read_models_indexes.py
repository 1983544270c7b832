"""Every query finds its documents by an index and takes them in the index's order: the server's profiler says so."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, datetime, timedelta

import pytest

from adapters.mongo.connection.client import Document
from adapters.mongo_projections.read_models import MongoReadModels
from ledger import AwaitingMeal, Meal, MealStatus, MealType
from projections import MEALS, HistoryCursor, HistoryQuery
from tests.adapters.mongo_projections.read_side import ReadSide, read_side
from tests.ledger.plates import ALICE, NOON, analyzed, awaiting, requested, timing

CURSOR = HistoryCursor(eaten_at=NOON - timedelta(hours=100), meal_id="8")
NOVEMBER = (date(2025, 11, 1), date(2025, 11, 5))


@pytest.fixture
async def given(mongodb_url: str, mongodb_database: str) -> AsyncIterator[ReadSide]:
    """Two people with 200 meals each, over 50 days; a tenth of them not analysed, a tenth deleted."""
    async with read_side(mongodb_url, mongodb_database, "motor") as side:
        meals: list[Meal] = []
        for number in range(200):
            when = timing(NOON - timedelta(hours=6 * number), meal_type=list(MealType)[number % 4])
            for user_id in ("alice", "bob"):
                make = requested if number % 10 == 0 else analyzed
                meals.append(make(user_id=user_id, when=when))
                if number % 10 == 1:
                    meals[-1].delete(actor=ALICE)
            if number % 10 == 0:
                meals.append(awaiting(user_id="carol"))
        side.project(*meals)
        side.client[side.database].command("profile", 2)
        yield side
        side.client[side.database].command("profile", 0)


async def profiled(
    given: ReadSide, storage: str, ask: Callable[[MongoReadModels], Awaitable[object]]
) -> Document:
    """How the server ran the last read of that storage's documents."""
    await ask(given.models())
    database = given.client[given.database]
    reads = {
        "ns": f"{given.database}.{storage}",
        "op": {"$in": ["query", "command"]},
    }
    ran = database["system.profile"].find_one(reads, sort=[("$natural", -1)])
    assert ran is not None
    return ran


@pytest.mark.parametrize(
    ("query", "most_keys"),
    [
        (HistoryQuery(first=10), 14),
        (HistoryQuery(first=10, after=CURSOR), 16),
        (HistoryQuery(first=10, status=MealStatus.ANALYZED), 12),
        (HistoryQuery(first=10, status=MealStatus.DELETED), 12),
        (HistoryQuery(first=10, status=MealStatus.ANALYZED, after=CURSOR), 14),
        (HistoryQuery(first=10, meal_type=MealType.DINNER), 50),
        (HistoryQuery(first=100, from_date=NOVEMBER[0], to_date=NOVEMBER[1]), 32),
        (HistoryQuery(first=100, from_date=NOVEMBER[0], to_date=NOVEMBER[1], status=MealStatus.ANALYZED), 30),
        (
            HistoryQuery(
                first=5, from_date=NOVEMBER[0], to_date=NOVEMBER[1], meal_type=MealType.LUNCH, after=CURSOR
            ),
            32,
        ),
    ],
)
async def test_a_history_page_is_read_in_index_order(
    given: ReadSide, query: HistoryQuery, most_keys: int
) -> None:
    ran = await profiled(given, "meals_v2", lambda models: models.meal_history("alice", query))

    assert ran["planSummary"].startswith("IXSCAN { user_id: 1")
    assert ran["planSummary"].count("SCAN") == 1
    assert not ran.get("hasSortStage", False)
    assert ran["keysExamined"] <= most_keys


async def test_a_day_is_found_by_its_key(given: ReadSide) -> None:
    ran = await profiled(
        given, "daily_summaries_v2", lambda models: models.daily_summary("alice", date(2025, 11, 3))
    )

    assert ran["planSummary"] == "IDHACK"
    assert (ran["keysExamined"], ran["docsExamined"]) == (2, 2)  # the day, and the checkpoint


async def test_a_meal_is_found_by_its_id(given: ReadSide) -> None:
    found = given.client[given.database]["meals_v2"].find_one({"user_id": "alice"})
    assert found is not None

    ran = await profiled(given, "meals_v2", lambda models: models.meal("alice", found["_id"]))

    assert ran["docsExamined"] == 2  # the meal, and the checkpoint


async def test_unfinished_meals_are_found_by_their_index(given: ReadSide) -> None:
    def stale(models: MongoReadModels) -> Awaitable[list[str]]:
        return models.stale_analyses(datetime.now(NOON.tzinfo), 5)

    ran = await profiled(given, "meals_v2", stale)

    assert ran["planSummary"] == "IXSCAN { created_at: 1 }"
    assert not ran.get("hasSortStage", False)
    assert ran["keysExamined"] <= 6


async def test_meals_awaiting_nutrients_are_found_by_their_index(given: ReadSide) -> None:
    week = timedelta(days=7)
    previous = AwaitingMeal(meal_id="8", requested_at=datetime.now(NOON.tzinfo))

    def awaited(models: MongoReadModels) -> Awaitable[list[AwaitingMeal]]:
        return models.meals_awaiting_nutrients(previous.requested_at - week, previous, 5)

    ran = await profiled(given, MEALS.storage, awaited)

    assert ran["planSummary"] == "IXSCAN { created_at: -1, _id: -1 }"
    assert not ran.get("hasSortStage", False)
    assert ran["keysExamined"] <= 6
