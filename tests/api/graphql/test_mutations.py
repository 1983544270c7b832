"""Mutations through HTTP: what is asked reaches the ledger as a command, and its outcome is the answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET

from api.graphql.opaque_tokens import encode_position
from ledger import (
    AnalyzeMealPhoto,
    Conflict,
    EntryAmount,
    ErrorCode,
    IdempotencyConflict,
    InvalidArgument,
    InvalidState,
    LedgerError,
    MealNotFound,
    MealType,
    NoFoodRecognized,
    RateLimited,
    ServiceUnavailable,
    UnknownEntry,
    UpdateMeal,
)
from tests.api.client import GraphQLClient
from tests.api.ports import Diary, InMemoryCommands, a_meal

ERRORS = "userErrors { code message field }"
ANALYZE = f"""
mutation ($url: String!) {{
  analyzeMealPhoto(photoUrl: $url) {{ mealId status meal {{ id photoUrl }} position {ERRORS} }}
}}
"""
CONFIRM = f"""
mutation ($mealId: ID!, $ids: [ID!]!) {{
  confirmMealAnalysis(mealId: $mealId, confirmedEntryIds: $ids) {{
    meal {{ id status entries {{ name }} }} confirmedCount rejectedCount position {ERRORS}
  }}
}}
"""
DELETE = (
    f"mutation ($mealId: ID!) {{ deleteMeal(mealId: $mealId) {{ meal {{ status }} position {ERRORS} }} }}"
)
URL = "https://example.com/test.jpg"


async def test_an_analysed_photo_is_answered_with_its_meal(alice: GraphQLClient, diary: Diary) -> None:
    payload = (await alice.data(ANALYZE, url=URL))["analyzeMealPhoto"]
    [meal] = diary.meals.values()
    assert payload == {
        "mealId": meal.id,
        "status": "ANALYZED",
        "meal": {"id": meal.id, "photoUrl": URL},
        "position": encode_position(1),
        "userErrors": [],
    }


async def test_every_argument_of_an_analysis_reaches_the_ledger(alice: GraphQLClient, diary: Diary) -> None:
    await alice.data(
        """mutation { analyzeMealPhoto(
             photoUrl: "https://example.com/a.jpg", dishHint: "soup \\u0000 🍲", mealType: SNACK,
             eatenAt: "2026-11-20T08:00:00+05:45", timeZone: "Asia/Kathmandu", idempotencyKey: "k"
           ) { mealId } }"""
    )
    [(context, command)] = diary.asked
    assert context.user_id == "alice"
    assert command == AnalyzeMealPhoto(
        photo_url="https://example.com/a.jpg",
        dish_hint="soup \x00 🍲",
        meal_type=MealType.SNACK,
        eaten_at=datetime(2026, 11, 20, 2, 15, tzinfo=UTC),
        time_zone="Asia/Kathmandu",
        idempotency_key="k",
    )
    assert isinstance(command, AnalyzeMealPhoto)
    assert command.eaten_at is not None
    assert command.eaten_at.utcoffset() == timedelta(hours=5, minutes=45)


async def test_omitted_or_null_arguments_are_left_to_the_ledger(alice: GraphQLClient, diary: Diary) -> None:
    await alice.data(ANALYZE, url=URL)
    await alice.data(
        """mutation { analyzeMealPhoto(photoUrl: "https://example.com/test.jpg", dishHint: null, mealType: null,
             eatenAt: null, timeZone: null, idempotencyKey: null) { mealId } }"""
    )
    assert [command for _, command in diary.asked] == [AnalyzeMealPhoto(photo_url=URL)] * 2


async def test_a_failed_analysis_has_its_meal_and_its_errors(
    alice: GraphQLClient, commands: InMemoryCommands, diary: Diary
) -> None:
    commands.analysis_error = NoFoodRecognized("No food was recognised.", field="photoUrl")
    payload = (await alice.data(ANALYZE, url=URL))["analyzeMealPhoto"]
    [meal] = diary.meals.values()
    assert (payload["mealId"], payload["status"]) == (meal.id, "FAILED")
    assert payload["meal"]["id"] == meal.id
    assert payload["userErrors"] == [
        {"code": "NO_FOOD_RECOGNIZED", "message": "No food was recognised.", "field": "photoUrl"}
    ]


@pytest.mark.parametrize(
    "refusal",
    [
        InvalidArgument("Out of bounds.", field="photoUrl"),
        MealNotFound(),
        InvalidState("A meal that is DELETED cannot be confirmed."),
        UnknownEntry("The meal has no such entry.", field="confirmedEntryIds"),
        IdempotencyConflict("Used before.", field="idempotencyKey"),
        Conflict("Try again."),
        ServiceUnavailable("Down."),
        RateLimited("Slow down.", retry_after=3),
    ],
    ids=lambda refusal: refusal.code,
)
async def test_a_refusal_is_data_in_an_empty_payload(
    alice: GraphQLClient, diary: Diary, refusal: LedgerError
) -> None:
    """All other fields of the payload are null."""
    diary.raises = refusal
    update = (
        f"mutation ($mealId: ID!) {{ updateMeal(mealId: $mealId) {{ meal {{ id }} position {ERRORS} }} }}"
    )
    payloads: list[dict[str, Any]] = [
        (await alice.data(ANALYZE, url=URL))["analyzeMealPhoto"],
        (await alice.data(CONFIRM, mealId="x", ids=["y"]))["confirmMealAnalysis"],
        (await alice.data(update, mealId="x"))["updateMeal"],
        (await alice.data(DELETE, mealId="x"))["deleteMeal"],
    ]
    for payload in payloads:
        expected = {"code": refusal.code, "message": refusal.message, "field": refusal.field}
        assert payload.pop("userErrors") == [expected]
        assert set(payload.values()) == {None}


@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [
        (RateLimited("Slow down.", retry_after=2.2), 3),
        (RateLimited("Slow down."), None),
        (ServiceUnavailable("Down."), 5),
        (MealNotFound(), None),
    ],
)
async def test_a_refusal_says_when_to_come_back(
    alice: GraphQLClient, diary: Diary, refusal: LedgerError, seconds: int | None
) -> None:
    diary.raises = refusal
    asked = 'mutation { deleteMeal(mealId: "x") { userErrors { retryAfterSeconds } } }'
    assert (await alice.data(asked))["deleteMeal"] == {"userErrors": [{"retryAfterSeconds": seconds}]}


async def test_every_code_of_the_ledger_can_be_answered(alice: GraphQLClient, diary: Diary) -> None:
    class Refused(LedgerError):
        def __init__(self, code: ErrorCode) -> None:
            super().__init__("No.")
            self.code = code

    for code in ErrorCode:
        diary.raises = Refused(code)
        payload = (await alice.data(DELETE, mealId="x"))["deleteMeal"]
        assert payload["userErrors"][0]["code"] == code


async def test_confirming_answers_with_counts(alice: GraphQLClient, diary: Diary) -> None:
    meal = diary.put(a_meal("alice"))
    payload = (await alice.data(CONFIRM, mealId=meal.id, ids=[meal.entries[0].id]))["confirmMealAnalysis"]
    assert payload == {
        "meal": {"id": meal.id, "status": "CONFIRMED", "entries": [{"name": "apple"}]},
        "confirmedCount": 1,
        "rejectedCount": 1,
        "position": encode_position(2),
        "userErrors": [],
    }


async def test_nobody_changes_another_persons_meal(
    alice: GraphQLClient, bob: GraphQLClient, diary: Diary
) -> None:
    meal = diary.put(a_meal("alice"))
    payload = (await bob.data(CONFIRM, mealId=meal.id, ids=[meal.entries[0].id]))["confirmMealAnalysis"]
    assert payload["userErrors"][0]["code"] == "MEAL_NOT_FOUND"
    payload = (await bob.data(DELETE, mealId=meal.id))["deleteMeal"]
    assert payload["userErrors"][0]["code"] == "MEAL_NOT_FOUND"
    assert diary.meals == {meal.id: meal}


async def test_deleting_answers_with_the_deleted_meal(alice: GraphQLClient, diary: Diary) -> None:
    meal = diary.put(a_meal("alice"))
    assert (await alice.data(DELETE, mealId=meal.id))["deleteMeal"] == {
        "meal": {"status": "DELETED"},
        "position": encode_position(2),
        "userErrors": [],
    }


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        ("", {}, {}),
        ("notes: null", {}, {"notes": None}),
        ('notes: ""', {}, {"notes": ""}),
        ('notes: "good"', {}, {"notes": "good"}),
        ("notes: $notes", {}, {}),
        ("notes: $notes", {"notes": None}, {"notes": None}),
        ("notes: $notes", {"notes": "good"}, {"notes": "good"}),
        ("mealType: null, eatenAt: null, timeZone: null, entries: null", {}, {}),
        ("mealType: DINNER", {}, {"meal_type": MealType.DINNER}),
        ('eatenAt: "2026-11-20T08:00:00Z"', {}, {"eaten_at": datetime(2026, 11, 20, 8, tzinfo=UTC)}),
        ('timeZone: "Europe/Paris"', {}, {"time_zone": "Europe/Paris"}),
        ("entries: []", {}, {"entries": ()}),
        (
            'entries: [{entryId: "a", quantityG: 1.5}, {entryId: "b", quantityG: 2}]',
            {},
            {
                "entries": (
                    EntryAmount(entry_id="a", quantity_g=1.5),
                    EntryAmount(entry_id="b", quantity_g=2.0),
                )
            },
        ),
        (
            "entries: $entries",
            {"entries": [{"entryId": "a", "quantityG": 150}]},
            {"entries": (EntryAmount(entry_id="a", quantity_g=150.0),)},
        ),
    ],
)
async def test_an_update_tells_omitted_from_cleared_arguments(
    alice: GraphQLClient,
    diary: Diary,
    arguments: str,
    variables: dict[str, object],
    expected: dict[str, object],
) -> None:
    meal = diary.put(a_meal("alice"))
    declared = "$id: ID!" + "".join(
        f", ${name}: {type_}"
        for name, type_ in (("notes", "String"), ("entries", "[EntryAmountInput!]"))
        if f"${name}" in arguments
    )
    document = (
        f"mutation ({declared}) {{ updateMeal(mealId: $id, {arguments}) {{ meal {{ notes }} {ERRORS} }} }}"
    )
    await alice.data(document, id=meal.id, **variables)
    [(_, command)] = diary.asked
    assert isinstance(command, UpdateMeal)
    assert command == UpdateMeal(meal_id=meal.id, **expected)  # type: ignore[arg-type] # given per case
    assert (command.notes is UNSET) == ("notes" not in expected)


@pytest.mark.parametrize("amount", ['"150"', "true", "null", "{}", "[1, 2]", "NaN"])
async def test_an_amount_must_be_a_number(alice: GraphQLClient, diary: Diary, amount: str) -> None:
    answer = await alice.post(
        f'mutation {{ updateMeal(mealId: "x", entries: [{{entryId: "a", quantityG: {amount}}}]) {{ {ERRORS} }} }}'
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert diary.asked == []


async def test_an_infinite_amount_is_refused_and_never_reaches_the_ledger(
    alice: GraphQLClient, diary: Diary
) -> None:
    error = await alice.error(
        f'mutation {{ updateMeal(mealId: "x", entries: [{{entryId: "a", quantityG: 1e999}}]) {{ {ERRORS} }} }}'
    )
    assert error["code"] == "VALIDATION_ERROR"
    assert diary.asked == []


async def test_a_too_long_number_is_refused_without_internals(
    alice: GraphQLClient,
) -> None:
    """The message says nothing of Python."""
    answer = await alice.post(f"{{ mealHistory(first: {'1' * 5000}) {{ edges {{ cursor }} }} }}")
    errors = answer.json()["errors"]
    assert {error["extensions"]["code"] for error in errors} == {"VALIDATION_ERROR"}
    assert "sys." not in answer.text


async def test_two_mutations_run_one_after_the_other(alice: GraphQLClient, diary: Diary) -> None:
    meal = diary.put(a_meal("alice"))
    data = await alice.data(
        f"""mutation ($id: ID!) {{
              first: updateMeal(mealId: $id, notes: "1") {{ position }}
              second: updateMeal(mealId: $id, notes: "2") {{ position meal {{ notes }} }}
              third: deleteMeal(mealId: $id) {{ position {ERRORS} }}
            }}""",
        id=meal.id,
    )
    assert [payload["position"] for payload in data.values()] == [encode_position(n) for n in (2, 3, 4)]
    assert data["second"]["meal"]["notes"] == "2"


async def test_a_malformed_instant_is_a_malformed_request(alice: GraphQLClient, diary: Diary) -> None:
    error = await alice.error(
        'mutation { analyzeMealPhoto(photoUrl: "https://e.com/a", eatenAt: "yesterday") { mealId } }'
    )
    assert (error["code"], error["data"]) == ("VALIDATION_ERROR", None)
    assert diary.asked == []
