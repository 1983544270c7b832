"""The queries on a real MongoDB, over both drivers."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, date, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest
from msgspec import structs
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from adapters.mongo.connection.client import (
    ClientSettings,
    Document,
    Driver,
    close_async_client,
    make_async_client,
)
from adapters.mongo.read.log_positions import MongoLogPositions
from adapters.mongo_projections.read_models import MongoReadModels
from adapters.mongo_projections.storage import PROJECTORS, checkpoint_id
from ledger import AwaitingMeal, Meal, MealStatus, MealType
from projections import (
    DAILY_SUMMARIES,
    MEALS,
    HistoryCursor,
    HistoryQuery,
    LogDiverged,
    MealPage,
    NotReady,
    PositionBeyondHead,
    ReadErrorCode,
    ReadModelBehind,
    Unreadable,
)
from tests.adapters.mongo_projections.read_side import ReadSide, read_side
from tests.ledger.plates import ALICE, NOON, RICE, analyzed, awaiting, found_for, requested, timing

STORAGES = (MEALS.storage, DAILY_SUMMARIES.storage)


@pytest.fixture(params=["motor", "pymongo"])
async def given(
    request: pytest.FixtureRequest, mongodb_url: str, mongodb_database: str
) -> AsyncIterator[ReadSide]:
    async with read_side(mongodb_url, mongodb_database, cast("Driver", request.param)) as side:
        yield side


def confirmed(meal: Meal) -> Meal:
    meal.confirm([entry.id for entry in meal.entries], actor=ALICE)
    return meal


async def all_pages(models: MongoReadModels, query: HistoryQuery, user_id: str = "alice") -> list[MealPage]:
    pages = [await models.meal_history(user_id, query)]
    while pages[-1].has_next_page:
        assert len(pages) < 50, "the pages have no end"
        last = pages[-1].meals[-1]
        after = HistoryCursor(eaten_at=last.eaten_at, meal_id=last.id)
        pages.append(await models.meal_history(user_id, structs.replace(query, after=after)))
    return pages


class TestMeal:
    async def test_a_meal_is_as_its_stream_left_it(self, given: ReadSide) -> None:
        meal = confirmed(analyzed())
        given.project(meal)

        assert await given.models().meal("alice", str(meal.id)) == meal.snapshot()

    async def test_an_id_means_the_same_however_it_is_written(self, given: ReadSide) -> None:
        meal = analyzed()
        given.project(meal)

        assert await given.models().meal("alice", str(meal.id).upper()) == meal.snapshot()

    @pytest.mark.parametrize("meal_id", ["", "no id", "\ud800", "4ff45b82-7722-43c1-9967-ec3ca2708437"])
    async def test_there_is_no_meal_of_an_unknown_id(self, given: ReadSide, meal_id: str) -> None:
        given.project(analyzed())

        assert await given.models().meal("alice", meal_id) is None

    async def test_another_persons_meal_is_none(self, given: ReadSide) -> None:
        meal = analyzed()
        given.project(meal)

        assert await given.models().meal("bob", str(meal.id)) is None

    async def test_a_deleted_meal_says_only_that_it_is(self, given: ReadSide) -> None:
        meal = analyzed()
        meal.delete(actor=ALICE)
        given.project(meal)

        found = await given.models().meal("alice", str(meal.id))

        assert found is not None
        assert (found.status, found.photo_url, found.entries) == (MealStatus.DELETED, None, ())


class TestHistory:
    async def test_it_is_newest_first_and_then_by_id(self, given: ReadSide) -> None:
        older = [requested(UUID(int=number), when=timing(NOON)) for number in (1, 3, 2)]
        newest = requested(UUID(int=4), when=timing(NOON + timedelta(hours=1)))
        given.project(newest, *older)

        page = await given.models().meal_history("alice", HistoryQuery(first=10))

        assert [UUID(meal.id).int for meal in page.meals] == [4, 3, 2, 1]
        assert not page.has_next_page

    @pytest.mark.parametrize("first", [1, 2, 3, 7, 100])
    async def test_pages_are_complete_where_eaten_times_are_equal(self, given: ReadSide, first: int) -> None:
        meals = [requested(when=timing(NOON + timedelta(hours=number // 4))) for number in range(12)]
        given.project(*meals, requested(user_id="bob"))

        pages = await all_pages(given.models(), HistoryQuery(first=first))

        found = [meal.id for page in pages for meal in page.meals]
        assert len(found) == 12
        assert set(found) == {str(meal.id) for meal in meals}
        assert all(len(page.meals) == first for page in pages[:-1])

    async def test_a_meal_deleted_between_two_pages_moves_no_other(self, given: ReadSide) -> None:
        meals = [analyzed(when=timing(NOON - timedelta(hours=number))) for number in range(4)]
        given.project(*meals)
        page = await given.models().meal_history("alice", HistoryQuery(first=2))
        meals[0].delete(actor=ALICE)
        given.project(meals[0])

        after = HistoryCursor(eaten_at=page.meals[-1].eaten_at, meal_id=page.meals[-1].id)
        rest = await given.models().meal_history("alice", HistoryQuery(first=2, after=after))

        assert [meal.id for meal in rest.meals] == [str(meals[2].id), str(meals[3].id)]

    async def test_deleted_meals_show_only_when_they_are_asked_for(self, given: ReadSide) -> None:
        kept, gone = analyzed(), analyzed()
        gone.delete(actor=ALICE)
        given.project(kept, gone)

        for status, expected in ((None, kept), (MealStatus.ANALYZED, kept), (MealStatus.DELETED, gone)):
            page = await given.models().meal_history("alice", HistoryQuery(first=10, status=status))
            assert [meal.id for meal in page.meals] == [str(expected.id)]

    async def test_every_filter_applies_before_the_page_is_cut(self, given: ReadSide) -> None:
        dinners = [requested(when=timing(NOON, meal_type=MealType.DINNER)) for _ in range(3)]
        lunches = [requested(when=timing(NOON + timedelta(hours=1))) for _ in range(3)]
        given.project(*dinners, *lunches)

        page = await given.models().meal_history("alice", HistoryQuery(first=3, meal_type=MealType.DINNER))

        assert {meal.id for meal in page.meals} == {str(meal.id) for meal in dinners}
        assert not page.has_next_page

    @pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati", "Asia/Kathmandu", "UTC"])
    async def test_dates_are_local_and_the_second_is_exclusive(self, given: ReadSide, zone: str) -> None:
        meals = [
            requested(when=timing(NOON + timedelta(hours=6 * number), zone)) for number in range(-16, 16)
        ]
        given.project(*meals)
        first, last = date(2025, 11, 12), date(2025, 11, 14)

        for from_date, to_date in ((first, last), (first, None), (None, last), (first, first)):
            query = HistoryQuery(first=100, from_date=from_date, to_date=to_date)
            page = await given.models().meal_history("alice", query)
            assert {meal.id for meal in page.meals} == {
                str(meal.id)
                for meal in meals
                if (from_date or date.min) <= meal.timing.local_date < (to_date or date.max)
            }

    async def test_the_ends_of_the_calendar_are_dates_like_others(self, given: ReadSide) -> None:
        given.project(requested())

        query = HistoryQuery(first=1, from_date=date.min, to_date=date.max)
        assert len((await given.models().meal_history("alice", query)).meals) == 1

    async def test_a_person_without_meals_has_an_empty_history(self, given: ReadSide) -> None:
        given.project(requested())

        page = await given.models().meal_history("bob", HistoryQuery(first=1))
        assert page == MealPage(meals=(), has_next_page=False)


class TestDailySummary:
    async def test_it_reflects_the_position_that_it_names(self, given: ReadSide) -> None:
        meal = confirmed(analyzed())
        position = given.project(meal, analyzed())

        day = await given.models().daily_summary("alice", meal.timing.local_date)

        assert (day.meal_count, day.pending_count, day.position) == (1, 1, position)
        assert day.totals == meal.totals

    async def test_days_without_meals_and_other_peoples_days_are_empty(self, given: ReadSide) -> None:
        meal = confirmed(analyzed())
        position = given.project(meal)

        for user_id, day in (("bob", meal.timing.local_date), ("alice", date(2025, 11, 14))):
            found = await given.models().daily_summary(user_id, day)
            assert (found.meal_count, found.totals.calories, found.position) == (0, 0, position)

    async def test_it_never_claims_a_position_that_it_does_not_reflect(self, given: ReadSide) -> None:
        """Meals are confirmed while the day is read again and again: count and position must fit each other."""
        day, models = timing().local_date, given.models()
        confirmed_at = {given.project(confirmed(analyzed())): 1}
        done = asyncio.Event()

        def confirm_more() -> None:
            for count in range(2, 12):
                confirmed_at[given.project(confirmed(analyzed()))] = count

        async def write() -> None:
            await asyncio.to_thread(confirm_more)
            done.set()

        writing = asyncio.create_task(write())
        seen = []
        while not done.is_set():
            seen.append(await models.daily_summary("alice", day))
        await writing
        seen.append(await models.daily_summary("alice", day))

        assert seen[-1].meal_count == 11
        for found in seen:
            assert found.meal_count == confirmed_at[found.position]


class TestMinPosition:
    async def test_an_answer_waits_until_the_model_has_the_position(self, given: ReadSide) -> None:
        meal = analyzed()
        position = given.log.save(meal)

        async def project_later() -> None:
            await asyncio.sleep(0.1)
            await asyncio.to_thread(given.project, analyzed())

        projecting = asyncio.create_task(project_later())
        found = await given.models().meal("alice", str(meal.id), min_position=position)
        page = await given.models().meal_history("alice", HistoryQuery(first=9), min_position=position)
        day = await given.models().daily_summary("alice", meal.timing.local_date, min_position=position)
        await projecting

        assert found == meal.snapshot()
        assert len(page.meals) >= 1
        assert day.position >= position

    async def test_a_model_that_stays_behind_is_an_error(self, given: ReadSide) -> None:
        position = given.log.save(analyzed())
        models = given.models(wait_seconds=0.2)

        with pytest.raises(ReadModelBehind) as raised:
            await models.meal_history("alice", HistoryQuery(first=1), min_position=position)

        assert raised.value.code is ReadErrorCode.READ_MODEL_BEHIND

    @pytest.mark.parametrize("beyond", [1, 1000, 2**63, 2**100])
    async def test_a_position_beyond_the_head_is_refused_at_once(self, given: ReadSide, beyond: int) -> None:
        head = given.project(analyzed())

        with pytest.raises(PositionBeyondHead):
            async with asyncio.timeout(60):
                await given.models(wait_seconds=3600).meal("alice", str(uuid4()), min_position=head + beyond)

    async def test_a_position_already_reached_is_not_looked_up(self, given: ReadSide) -> None:
        meal = analyzed()
        given.project(meal)
        given.client[given.database].drop_collection("meal_ledger_events")

        for position in (-1, 0, 1, 2):
            assert await given.models().meal("alice", str(meal.id), min_position=position) is not None


class TestUnreadableStorage:
    """A storage that is missing, being rebuilt or refused is an error of every query, and never an empty diary."""

    async def test_a_dropped_storage_is_an_error_to_every_query(self, given: ReadSide) -> None:
        position = given.project(analyzed())
        for storage in STORAGES:
            given.client[given.database].drop_collection(storage)

        for min_position in (None, 0, position, position + 1):
            await assert_not_ready(given.models(), "is missing", min_position)

    async def test_a_lost_checkpoint_is_an_error_too(self, given: ReadSide) -> None:
        given.project(analyzed())
        for storage in STORAGES:
            given.client[given.database][storage].delete_one({"_id": checkpoint_id(storage)})

        await assert_not_ready(given.models(), "is missing")

    async def test_before_the_first_projector_ran_nothing_is_answered(
        self, given: ReadSide, mongodb_database: str
    ) -> None:
        given.client.drop_database(mongodb_database)

        await assert_not_ready(given.models(), "is missing|No projector")

    async def test_a_rebuild_is_shown_only_when_complete(self, given: ReadSide) -> None:
        meals = [confirmed(analyzed()) for _ in range(2)]
        head = [given.project(meal) for meal in meals][-1]
        for storage in STORAGES:
            given.client[given.database].drop_collection(storage)
        projectors = given.another_pair(batch_size=2)

        for projector in projectors:
            projector.prepare()
        for reached in range(0, head, 2):
            await assert_not_ready(given.models(), f"is being rebuilt, position {reached} of {head}")
            for projector in projectors:
                assert projector.advance()

        day = await given.models().daily_summary("alice", meals[0].timing.local_date)
        assert (day.meal_count, day.position) == (2, head)
        assert {one.problem for one in await given.models().conditions()} == {None}
        for projector in projectors:
            projector.close()

    async def test_a_storage_of_another_log_is_refused(self, given: ReadSide) -> None:
        position = given.project(analyzed())
        given.client[given.database]["meal_ledger_events"].delete_many({"_id": position})

        for projector in given.projectors * 2:
            with pytest.raises(LogDiverged):
                projector.advance()

        await assert_not_ready(given.models(), f"the log holds no event at position {position}")


async def assert_not_ready(models: MongoReadModels, reason: str, min_position: int | None = None) -> None:
    asked: tuple[Awaitable[object], ...] = (
        models.meal("alice", str(uuid4()), min_position=min_position),
        models.meal_history("alice", HistoryQuery(first=1), min_position=min_position),
        models.daily_summary("alice", date(2025, 11, 13), min_position=min_position),
    )
    for answer in asked:
        with pytest.raises(NotReady, match=reason):
            await answer
    problems = [one.problem or "" for one in await models.conditions()]
    assert any(re.search(reason, problem) for problem in problems)


class TestStaleAnalyses:
    async def test_old_unfinished_meals_are_found_oldest_first(self, given: ReadSide) -> None:
        old, older, finished = requested(user_id="bob"), requested(), analyzed()
        given.project(older, old, finished)
        for meal, minutes in ((old, 5), (older, 9), (finished, 9)):
            given.client[given.database]["meals_v2"].update_one(
                {"_id": str(meal.id)}, {"$set": {"created_at": NOON - timedelta(minutes=minutes)}}
            )
        models = given.models()

        assert await models.stale_analyses(NOON, 10) == [str(older.id), str(old.id)]
        assert await models.stale_analyses(NOON, 1) == [str(older.id)]
        assert await models.stale_analyses(NOON - timedelta(minutes=9), 10) == []


class TestMealsAwaitingNutrients:
    async def test_they_are_found_newest_first_page_by_page(self, given: ReadSide) -> None:
        meals = [awaiting(user_id=user_id) for user_id in ("alice", "bob", "carol", "dave")]
        deleted, completed = awaiting(), awaiting()
        deleted.delete(actor=ALICE)
        completed.complete_nutrients([found_for(completed.entries[1], RICE)], actor=ALICE)
        given.project(*meals, deleted, completed, analyzed(), requested())
        moments = (NOON, NOON - timedelta(minutes=1), NOON, NOON - timedelta(days=1))
        for meal, moment in zip(meals, moments, strict=True):
            given.client[given.database][MEALS.storage].update_one(
                {"_id": str(meal.id)}, {"$set": {"created_at": moment}}
            )
        models = given.models()
        expected = sorted(
            [(moment, str(meal.id)) for meal, moment in zip(meals, moments, strict=True)], reverse=True
        )[:3]

        pages: list[AwaitingMeal] = []
        while page := await models.meals_awaiting_nutrients(
            NOON - timedelta(hours=1), pages[-1] if pages else None, 1
        ):
            pages += page

        assert [(meal.requested_at, meal.meal_id) for meal in pages] == expected


class TestDamagedDocuments:
    @pytest.mark.parametrize("damage", [{"entries": "none"}, {"status": "EATEN"}, {"eaten_at": "noon"}])
    async def test_a_damaged_meal_is_left_out_of_the_history(
        self, given: ReadSide, damage: Document, caplog: pytest.LogCaptureFixture
    ) -> None:
        damaged, whole = analyzed(), analyzed()
        given.project(damaged, whole)
        key = str(damaged.id)
        given.client[given.database]["meals_v2"].update_one({"_id": key}, {"$set": damage})
        page = await given.models().meal_history("alice", HistoryQuery(first=10))
        assert str(whole.id) in [meal.id for meal in page.meals]
        assert key not in [meal.id for meal in page.meals]
        if "eaten_at" not in damage:  # it is sorted among the others, and met
            told = [record for record in caplog.records if record.msg == "read_model_document_unreadable"]
            assert [record.__dict__["key"] for record in told] == [key]
        with pytest.raises(Unreadable):
            await given.models().meal("alice", key)

    async def test_a_damaged_day_is_an_error_of_its_own(self, given: ReadSide) -> None:
        meal = confirmed(analyzed())
        given.project(meal)
        days = given.client[given.database]["daily_summaries_v2"]
        days.update_many({"_id": {"$type": "string"}}, {"$set": {"totals": 1}})
        with pytest.raises(Unreadable):
            await given.models().daily_summary("alice", meal.timing.local_date)


class TestConditions:
    async def test_each_says_its_position_and_the_logs_head(self, given: ReadSide) -> None:
        head = given.project(analyzed())
        conditions = await given.models().conditions()
        assert [(one.name, one.position, one.head, one.lag) for one in conditions] == [
            ("meals", head, head, 0),
            ("daily_summaries", head, head, 0),
        ]
        assert all(one.has_projector and one.problem is None for one in conditions)

    async def test_a_read_model_behind_says_by_how_much(self, given: ReadSide) -> None:
        given.project(analyzed())
        given.log.save(analyzed())
        assert {one.lag for one in await given.models().conditions()} == {2}

    async def test_without_a_projector_it_says_so(self, given: ReadSide) -> None:
        given.projectors[1].close()
        assert [one.has_projector for one in await given.models().conditions()] == [True, False]

    async def test_a_heartbeat_grows_old(self, given: ReadSide) -> None:
        given.client[given.database][PROJECTORS].update_many(
            {}, {"$set": {"at": datetime.now(UTC) - timedelta(seconds=11)}}
        )
        assert [one.has_projector for one in await given.models().conditions()] == [False, False]

        given.projectors[0].heartbeat()
        assert [one.has_projector for one in await given.models().conditions()] == [True, False]


@pytest.fixture(params=["motor", "pymongo"])
async def silent(request: pytest.FixtureRequest) -> AsyncIterator[AsyncMongoClient[Document]]:
    """A client of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        settings = ClientSettings(
            url=f"mongodb://127.0.0.1:{server.getsockname()[1]}/",
            app_name="reader-test",
            server_selection_timeout=4,
            connect_timeout=1,
        )
        client = make_async_client(settings, cast("Driver", request.param))
        yield client
        await close_async_client(client)


async def test_a_database_that_does_not_answer_is_not_ready(silent: AsyncMongoClient[Document]) -> None:
    models = MongoReadModels(silent, "nothing", MongoLogPositions(silent, "nothing", "events"))

    with pytest.raises(NotReady, match="does not answer") as raised:  # its own bound, before the driver's
        await models.conditions()

    assert raised.value.code is ReadErrorCode.SERVICE_UNAVAILABLE


async def test_a_query_that_gets_no_answer_says_so(silent: AsyncMongoClient[Document]) -> None:
    models = MongoReadModels(silent, "nothing", MongoLogPositions(silent, "nothing", "events"))

    results = await asyncio.gather(
        models.meal("alice", str(uuid4())),
        models.daily_summary("alice", date(2025, 11, 13), min_position=1),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [NotReady, NotReady]


async def test_another_error_is_not_taken_for_an_outage(given: ReadSide) -> None:
    meal, database = analyzed(), given.client[given.database]
    given.project(meal)
    database["meals_v2"].rename("meals")
    divided_by_zero = {"$set": {"status": {"$divide": [1, 0]}}}
    database.create_collection("meals_v2", viewOn="meals", pipeline=[divided_by_zero])

    with pytest.raises(OperationFailure):
        await given.models().meal("alice", str(meal.id))
