"""Unexpected errors: masked for the client, logged once, and found again by its correlation id."""

from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from msgspec import structs

from api import GRAPHQL_PATH
from ledger import MealStatus
from projections import NotReady
from tests.api.client import GraphQLClient, a_token
from tests.api.ports import Diary, InMemoryReadModels, a_meal

SECRET_DETAIL = "mongodb://root:hunter2@db.internal:27017 says no"
SUMMARY = '{ dailySummary(date: "2026-11-20") { mealCount } }'


def errors_of(logs: list[Any]) -> list[Any]:
    return [line for line in logs if line["log_level"] == "error"]


@pytest.mark.parametrize(
    "document",
    [
        SUMMARY,
        '{ meal(id: "4ff45b82-7722-43c1-9967-ec3ca2708437") { id } }',
        "{ mealHistory { edges { cursor } } }",
        'mutation { deleteMeal(mealId: "x") { position } }',
        'mutation { analyzeMealPhoto(photoUrl: "https://example.com/x.jpg") { mealId } }',
    ],
)
@pytest.mark.parametrize("kind", [RuntimeError, ValueError, KeyError, TimeoutError, OSError, RecursionError])
async def test_a_fault_is_masked_and_logged_once(
    alice: GraphQLClient, diary: Diary, document: str, kind: type[Exception]
) -> None:
    diary.raises = kind(SECRET_DETAIL)
    with structlog.testing.capture_logs() as logs:
        response = await alice.post(document)
    assert response.status_code == 200
    [error] = response.json()["errors"]
    correlation_id = response.headers["x-request-id"]
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "correlationId": correlation_id}
    assert correlation_id in error["message"]
    for secret in ("hunter2", "mongodb", kind.__name__, "Traceback", "ports.py"):
        assert secret not in response.text
    [line] = errors_of(logs)
    assert (line["event"], line["error_type"], line["exc_info"]) == (
        "unexpected_error",
        kind.__name__,
        diary.raises,
    )


async def test_one_fault_of_several_fields_leaves_the_others_answered(
    alice: GraphQLClient, diary: Diary, read_models: InMemoryReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    meal = diary.put(a_meal("alice"))

    async def crash(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET_DETAIL)

    document = f'{{ meal(id: "{meal.id}") {{ id }} mealHistory {{ edges {{ node {{ id }} }} }} }}'
    monkeypatch.setattr(read_models, "meal", crash)
    with structlog.testing.capture_logs() as logs:
        answer = (await alice.post(document)).json()
    assert answer["data"] == {"meal": None, "mealHistory": {"edges": [{"node": {"id": meal.id}}]}}
    [error] = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["meal"], "INTERNAL_SERVER_ERROR")
    assert len(errors_of(logs)) == 1


async def test_a_value_outside_the_schema_is_our_fault(alice: GraphQLClient, diary: Diary) -> None:
    diary.put(structs.replace(a_meal("alice"), status="EATEN", time_zone=None))
    for field in ("status", "timeZone"):
        with structlog.testing.capture_logs() as logs:
            answer = (await alice.post(f"{{ mealHistory {{ edges {{ node {{ {field} }} }} }} }}")).json()
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert "EATEN" not in str(answer)
        assert len(errors_of(logs)) == 1


async def test_what_is_expected_is_not_logged_as_a_fault(alice: GraphQLClient, diary: Diary) -> None:
    diary.raises = NotReady("MongoDB does not answer.")
    with structlog.testing.capture_logs() as logs:
        for document in (
            SUMMARY,
            "{",
            "{ unknown }",
            '{ meal(id: "x") { id } }',
            "{ mealHistory(first: 0) { edges { cursor } } }",
        ):
            await alice.post(document)
    assert errors_of(logs) == []
    assert [line["error_codes"] for line in logs] == [
        ("SERVICE_UNAVAILABLE",),
        ("GRAPHQL_PARSE_FAILED",),
        ("GRAPHQL_VALIDATION_FAILED",),
        ("VALIDATION_ERROR",),
        ("VALIDATION_ERROR",),
    ]


async def test_a_null_for_a_defaulted_variable_is_bad_input(alice: GraphQLClient) -> None:
    """Only the default made the document legal."""
    error = await alice.error(
        'query ($date: Date = "2026-11-20") { dailySummary(date: $date) { mealCount } }', date=None
    )
    assert error["code"] == "BAD_USER_INPUT"


async def test_a_crash_outside_graphql_has_the_same_shape(
    app: FastAPI, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered with 500."""

    def crash(*_: object) -> None:
        raise RuntimeError(SECRET_DETAIL)

    monkeypatch.setattr("api.http.endpoint.response_media_type", crash)
    with structlog.testing.capture_logs() as logs:
        response = await http.post(
            GRAPHQL_PATH, json={"query": "{ __typename }"}, headers={"Authorization": f"Bearer {a_token()}"}
        )
    assert response.status_code == 500
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["correlationId"] == response.headers["x-request-id"]
    assert "hunter2" not in response.text
    assert [line["event"] for line in logs] == ["unexpected_error", "http_request"]


async def test_an_authenticator_that_crashes_lets_nobody_in(
    app: FastAPI, http: httpx.AsyncClient, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        raise RuntimeError(SECRET_DETAIL)

    monkeypatch.setattr("api.SharedSecretAuthenticator.authenticate", crash)
    response = await http.post(
        GRAPHQL_PATH,
        json={"query": 'mutation { deleteMeal(mealId: "x") { position } }'},
        headers={"Authorization": f"Bearer {a_token()}"},
    )
    assert response.status_code == 500
    assert diary.asked == []


async def test_a_failed_meal_is_no_fault(alice: GraphQLClient, diary: Diary) -> None:
    meal = diary.put(a_meal("alice", status=MealStatus.FAILED))
    data = await alice.data("query ($id: ID!) { meal(id: $id) { status failure { code } } }", id=meal.id)
    assert data["meal"] == {"status": "FAILED", "failure": None}
