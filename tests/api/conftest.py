"""The API over ports in memory, asked through HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from api import Check, SharedSecretAuthenticator, create_app
from tests.api.client import AUDIENCE, ISSUER, SECRET, GraphQLClient, a_token
from tests.api.ports import Diary, InMemoryCommands, InMemoryReadModels


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def commands(diary: Diary) -> InMemoryCommands:
    return InMemoryCommands(diary)


@pytest.fixture
def read_models(diary: Diary) -> InMemoryReadModels:
    return InMemoryReadModels(diary)


@pytest.fixture
def checks() -> list[Check]:
    """The checks beside those of the read side; none, unless a test adds to them."""
    return []


@pytest.fixture
def app(commands: InMemoryCommands, read_models: InMemoryReadModels, checks: list[Check]) -> FastAPI:
    return create_app(
        commands=commands,
        read_models=read_models,
        authenticator=SharedSecretAuthenticator(SECRET, issuer=ISSUER, audience=AUDIENCE),
        version="1.2.3",
        request_deadline=timedelta(seconds=30),
        commit="abc123",
        checks=lambda: checks,
    )


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://meal-ledger.test"
    ) as client:
        yield client


@pytest.fixture
def alice(http: httpx.AsyncClient) -> GraphQLClient:
    return GraphQLClient(http, a_token("alice"))


@pytest.fixture
def bob(http: httpx.AsyncClient) -> GraphQLClient:
    return GraphQLClient(http, a_token("bob"))
