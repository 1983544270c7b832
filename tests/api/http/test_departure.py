"""Requests without a waiting client: the client has left, or the deadline has passed."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from api import SharedSecretAuthenticator, create_app
from ledger import Actor, Deadline, DeleteMeal
from tests.api.client import AUDIENCE, ISSUER, SECRET, GraphQLClient, a_token
from tests.api.ports import Diary, InMemoryCommands, InMemoryReadModels

DELETE = 'mutation { deleteMeal(mealId: "x") { position userErrors { code } } }'
HISTORY = "{ mealHistory { edges { cursor } } }"


def app_with_deadline(diary: Diary, seconds: float) -> FastAPI:
    return create_app(
        commands=InMemoryCommands(diary),
        read_models=InMemoryReadModels(diary),
        authenticator=SharedSecretAuthenticator(SECRET, issuer=ISSUER, audience=AUDIENCE),
        version="1",
        request_deadline=timedelta(seconds=seconds),
    )


async def answered(app: FastAPI, document: str) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://meal-ledger.test"
    ) as http:
        return await GraphQLClient(http, a_token()).post(document)


async def abandoned(app: FastAPI, document: str) -> list[Message]:
    """What the application sends to a client that has left once its request was read."""
    messages: list[Message] = [
        {"type": "http.request", "body": json.dumps({"query": document}).encode()},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = {"authorization": f"Bearer {a_token()}", "content-type": "application/json"}
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize("document", [DELETE, HISTORY])
async def test_a_request_whose_client_has_left_is_not_executed(
    app: FastAPI, diary: Diary, read_models: InMemoryReadModels, document: str
) -> None:
    start, _ = await abandoned(app, document)
    assert start["status"] == 503
    assert diary.asked == []
    assert read_models.queries == []


@pytest.mark.parametrize("document", [DELETE, HISTORY])
async def test_a_late_request_is_refused_and_may_be_retried(diary: Diary, document: str) -> None:
    response = await answered(app_with_deadline(diary, 0), document)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert "data" not in response.json()
    assert diary.asked == []


async def test_a_query_ends_at_its_deadline(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(InMemoryReadModels, "meal_history", hang)
    response = await answered(app_with_deadline(diary, 0.2), HISTORY)
    assert response.status_code == 503


async def test_a_mutation_that_is_under_way_is_not_cut_off(
    alice: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete: Callable[..., Any] = InMemoryCommands.delete_meal

    async def outlast(
        self: InMemoryCommands, actor: Actor, command: DeleteMeal, deadline: Deadline
    ) -> object:
        deadline.give_up()
        await asyncio.sleep(0)
        return await delete(self, actor, command)

    monkeypatch.setattr(InMemoryCommands, "delete_meal", outlast)
    data = await alice.data(DELETE)
    assert data["deleteMeal"]["userErrors"] == [{"code": "MEAL_NOT_FOUND"}]
