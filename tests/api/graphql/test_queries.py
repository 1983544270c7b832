"""Queries through HTTP: a person's own meals and days, and nothing of anybody else."""

import uuid
from datetime import date, timedelta

import pytest
from msgspec import structs

from api.graphql.opaque_tokens import encode_position
from ledger import ErrorCode, MealStatus, MealType
from projections import HistoryQuery, NotReady, PositionBeyondHead, ReadModelBehind, Unreadable
from tests.api.client import GraphQLClient
from tests.api.ports import EATEN_AT, Diary, InMemoryReadModels, a_meal

WHOLE_MEAL = """
id status mealType dishName photoUrl source confidence eatenAt timeZone localDate notes createdAt updatedAt
entries {
  id name quantityG confidence
  nutrients { calories protein carbs fat fiber sugar sodium complete }
  provenance { source sourceId dataType foodName published matchConfidence }
}
totals { calories protein carbs fat fiber sugar sodium complete }
warnings { code message entryId }
failure { code message }
"""
SUMMARY = """
query ($date: Date!, $minPosition: Position) {
  dailySummary(date: $date, minPosition: $minPosition) {
    date mealCount pendingCount position
    totals { calories sodium complete }
    breakdown { mealType mealCount totals { calories } }
  }
}
"""
HISTORY = """
query ($first: Int, $after: String) {
  mealHistory(first: $first, after: $after) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
MEAL = "query ($id: ID!, $minPosition: Position) { meal(id: $id, minPosition: $minPosition) { id } }"


async def test_a_meal_is_shown_whole(alice: GraphQLClient, diary: Diary) -> None:
    meal = diary.put(a_meal("alice"))
    shown = (await alice.data(f"query ($id: ID!) {{ meal(id: $id) {{ {WHOLE_MEAL} }} }}", id=meal.id))["meal"]
    apple, dust = shown.pop("entries")
    assert apple["nutrients"] == {
        "calories": 78.0, "protein": 0.45, "carbs": 20.7, "fat": 0.3, "fiber": 3.6, "sugar": 15.6, "sodium": 1.5,
        "complete": True,
    }  # fmt: skip
    assert apple["provenance"] == {
        "source": "USDA", "sourceId": "1750340", "dataType": "Foundation", "published": "2020-10-30",
        "foodName": "Apples, fuji, with skin, raw", "matchConfidence": 0.87,
    }  # fmt: skip
    assert dust["provenance"] is None
    assert set(dust["nutrients"].values()) == {None, False}
    assert shown.pop("totals") == apple["nutrients"] | {"complete": False}
    assert shown.pop("warnings") == [
        {"code": "NUTRIENTS_NOT_FOUND", "message": "No database knows it.", "entryId": dust["id"]}
    ]
    assert shown == {
        "id": meal.id, "status": "ANALYZED", "mealType": "LUNCH", "dishName": "Apple on moon dust",
        "photoUrl": "https://example.com/test.jpg", "source": "PHOTO", "confidence": 0.9,
        "eatenAt": "2026-11-20T12:30:00.000Z", "timeZone": "UTC", "localDate": "2026-11-20", "notes": None,
        "createdAt": "2026-11-20T12:30:00.000Z", "updatedAt": "2026-11-20T12:30:00.000Z", "failure": None,
    }  # fmt: skip


async def test_a_failed_meal_says_why(alice: GraphQLClient, diary: Diary) -> None:
    meal = diary.put(
        a_meal(
            status=MealStatus.FAILED, failure_code=ErrorCode.NO_FOOD_RECOGNIZED, failure_message="No food."
        )
    )
    shown = await alice.data("query ($id: ID!) { meal(id: $id) { failure { code message } } }", id=meal.id)
    assert shown["meal"]["failure"] == {"code": "NO_FOOD_RECOGNIZED", "message": "No food."}


async def test_another_persons_meal_and_an_unknown_one_are_both_null(
    alice: GraphQLClient, bob: GraphQLClient, diary: Diary
) -> None:
    meal = diary.put(a_meal("alice"))
    assert await alice.data(MEAL, id=meal.id) == {"meal": {"id": meal.id}}
    assert await bob.data(MEAL, id=meal.id) == {"meal": None}
    assert await bob.data(MEAL, id=str(uuid.uuid4())) == {"meal": None}


@pytest.mark.parametrize("meal_id", ["", "x", "1", "../../etc/passwd", "\x00", "null", "a" * 10_000, "🍎", 7])
async def test_a_malformed_meal_id_is_an_error(alice: GraphQLClient, meal_id: object) -> None:
    error = await alice.error(MEAL, id=meal_id)
    assert (error["code"], error["data"]) == ("VALIDATION_ERROR", {"meal": None})
    assert "UUID" in error["message"]


async def test_a_meal_id_may_be_written_in_capitals(alice: GraphQLClient, diary: Diary) -> None:
    meal = diary.put(a_meal("alice"))
    assert await alice.data(MEAL, id=meal.id.upper()) == {"meal": {"id": meal.id}}


async def test_a_history_is_paged_newest_first(alice: GraphQLClient, diary: Diary) -> None:
    meals = [diary.put(a_meal(eaten_at=EATEN_AT + timedelta(minutes=minute // 2))) for minute in range(5)]
    newest_first = [meal.id for meal in sorted(meals, key=lambda m: (m.eaten_at, m.id), reverse=True)]
    seen: list[str] = []
    after = None
    for expected in (2, 2, 1):
        page = (await alice.data(HISTORY, first=2, after=after))["mealHistory"]
        assert len(page["edges"]) == expected
        info = page["pageInfo"]
        assert (info["hasNextPage"], info["hasPreviousPage"]) == (expected == 2, False)
        assert info["startCursor"] == page["edges"][0]["cursor"]
        after = info["endCursor"]
        assert after == page["edges"][-1]["cursor"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
    assert seen == newest_first


async def test_an_empty_history_has_no_cursors(
    alice: GraphQLClient, bob: GraphQLClient, diary: Diary
) -> None:
    diary.put(a_meal("alice"))
    assert (await bob.data(HISTORY))["mealHistory"] == {
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    }


async def test_another_persons_cursor_shows_nothing_of_theirs(
    alice: GraphQLClient, bob: GraphQLClient, diary: Diary
) -> None:
    diary.put(a_meal("alice"))
    later = diary.put(a_meal("alice", eaten_at=EATEN_AT + timedelta(days=1)))
    own = diary.put(a_meal("bob"))
    cursor = (await alice.data(HISTORY, first=1))["mealHistory"]["edges"][0]["cursor"]
    shown = (await bob.data(HISTORY, after=cursor))["mealHistory"]["edges"]
    assert [edge["node"]["id"] for edge in shown] == [own.id]
    assert later.id not in str(shown)


async def test_the_filters_of_a_history_reach_the_read_model(
    alice: GraphQLClient, read_models: InMemoryReadModels
) -> None:
    await alice.data(
        """{ mealHistory(from: "2026-11-01", to: "2026-12-01", mealType: DINNER, status: CONFIRMED, first: 100) {
               edges { cursor } } }"""
    )
    await alice.data("{ mealHistory { edges { cursor } } }")
    await alice.data(
        "{ mealHistory(from: null, to: null, mealType: null, first: null) { edges { cursor } } }"
    )
    assert read_models.queries == [
        HistoryQuery(
            first=100,
            from_date=date(2026, 11, 1),
            to_date=date(2026, 12, 1),
            meal_type=MealType.DINNER,
            status=MealStatus.CONFIRMED,
        ),
        HistoryQuery(first=20),
        HistoryQuery(first=20),
    ]


@pytest.mark.parametrize("first", [0, -1, 101, 2_147_483_647])
async def test_a_page_holds_one_to_a_hundred_meals(alice: GraphQLClient, first: int) -> None:
    error = await alice.error(HISTORY, first=first)
    assert (error["code"], error["message"]) == ("VALIDATION_ERROR", "`first` must be from 1 to 100.")


async def test_a_page_of_one_and_of_a_hundred_is_fine(alice: GraphQLClient) -> None:
    for first in (1, 100):
        await alice.data(HISTORY, first=first)


@pytest.mark.parametrize("after", ["", "x", "AAAA", "\x00", "a" * 100_000, encode_position(1), "🍎"])
async def test_a_made_up_cursor_is_refused(alice: GraphQLClient, after: str) -> None:
    error = await alice.error(HISTORY, after=after)
    assert (error["code"], error["data"]) == ("VALIDATION_ERROR", None)
    assert "cursor" in error["message"]


async def test_a_history_does_not_run_backwards(alice: GraphQLClient) -> None:
    error = await alice.error('{ mealHistory(from: "2026-11-02", to: "2026-11-01") { edges { cursor } } }')
    assert (error["code"], error["message"]) == ("VALIDATION_ERROR", "`from` must not be after `to`.")


async def test_a_day_without_meals_is_zero_and_complete(alice: GraphQLClient) -> None:
    assert (await alice.data(SUMMARY, date="1999-01-01"))["dailySummary"] == {
        "date": "1999-01-01",
        "mealCount": 0,
        "pendingCount": 0,
        "position": encode_position(0),
        "totals": {"calories": 0.0, "sodium": 0.0, "complete": True},
        "breakdown": [],
    }


async def test_a_day_is_summed_up_for_its_owner_only(
    alice: GraphQLClient, bob: GraphQLClient, diary: Diary
) -> None:
    diary.put(structs.replace(a_meal("alice"), status=MealStatus.CONFIRMED))
    diary.put(a_meal("alice"))
    assert (await alice.data(SUMMARY, date="2026-11-20"))["dailySummary"] == {
        "date": "2026-11-20",
        "mealCount": 1,
        "pendingCount": 1,
        "position": encode_position(2),
        "totals": {"calories": 78.0, "sodium": 1.5, "complete": False},
        "breakdown": [{"mealType": "LUNCH", "mealCount": 1, "totals": {"calories": 78.0}}],
    }
    assert (await bob.data(SUMMARY, date="2026-11-20"))["dailySummary"]["mealCount"] == 0


async def test_a_position_may_be_waited_for(alice: GraphQLClient, diary: Diary) -> None:
    meal = diary.put(a_meal("alice"))
    assert await alice.data(MEAL, id=meal.id, minPosition=encode_position(1)) == {"meal": {"id": meal.id}}
    await alice.data(SUMMARY, date="2026-11-20", minPosition=encode_position(1))


async def test_a_position_beyond_the_head_is_refused(alice: GraphQLClient) -> None:
    error = await alice.error(SUMMARY, date="2026-11-20", minPosition=encode_position(1))
    assert (error["code"], error["data"]) == ("POSITION_BEYOND_HEAD", None)
    error = await alice.error(MEAL, id=str(uuid.uuid4()), minPosition=encode_position(1))
    assert (error["code"], error["data"]) == ("POSITION_BEYOND_HEAD", {"meal": None})


@pytest.mark.parametrize("position", ["1", "", "AAAAAAAAAAEAAAAA", 1, -1, 1.5, True, {}, "a" * 100_000])
async def test_a_made_up_position_is_refused(alice: GraphQLClient, position: object) -> None:
    error = await alice.error(SUMMARY, date="2026-11-20", minPosition=position)
    assert (error["code"], error["data"]) == ("VALIDATION_ERROR", None)
    assert "A Position must be" in error["message"]
    assert len(error["message"]) <= 500


@pytest.mark.parametrize(
    ("failure", "code", "retry_after"),
    [
        (ReadModelBehind(), "READ_MODEL_BEHIND", 5),
        (NotReady("MongoDB does not answer."), "SERVICE_UNAVAILABLE", 5),
        (PositionBeyondHead(), "POSITION_BEYOND_HEAD", None),
        (Unreadable(), "UNREADABLE", None),
    ],
)
async def test_an_expected_failure_of_the_read_side_has_its_code_and_says_when_to_try_again(
    alice: GraphQLClient, diary: Diary, failure: Exception, code: str, retry_after: int | None
) -> None:
    diary.raises = failure
    error = await alice.error(SUMMARY, date="2026-11-20")
    assert (error["code"], error["message"], error["retry_after"]) == (code, str(failure), retry_after)


@pytest.mark.parametrize("day", ["2026-02-30", "yesterday", "2026-11-20T00:00:00Z", 20261120, "", "\x00"])
async def test_a_malformed_day_is_refused_wherever_given(alice: GraphQLClient, day: object) -> None:
    """In a variable and in the document."""
    error = await alice.error(SUMMARY, date=day)
    assert error["code"] == "VALIDATION_ERROR"
    assert "A Date must be" in error["message"]
    if isinstance(day, str) and day.isprintable():
        error = await alice.error(f'{{ dailySummary(date: "{day}") {{ mealCount }} }}')
        assert error["code"] == "VALIDATION_ERROR"
        assert "A Date must be" in error["message"]


async def test_several_questions_are_answered_at_once(alice: GraphQLClient, diary: Diary) -> None:
    diary.put(structs.replace(a_meal("alice"), status=MealStatus.CONFIRMED))
    days = [date(2026, 11, 1) + timedelta(days=n) for n in range(30)]
    document = (
        "{"
        + " ".join(f'd{n}: dailySummary(date: "{day}") {{ mealCount }}' for n, day in enumerate(days))
        + "}"
    )
    counts = [summary["mealCount"] for summary in (await alice.data(document)).values()]
    assert counts == [1 if day == date(2026, 11, 20) else 0 for day in days]


async def test_the_schema_can_be_asked_about(alice: GraphQLClient) -> None:
    assert await alice.data("{ __schema { queryType { name } } }") == {
        "__schema": {"queryType": {"name": "Query"}}
    }
