"""What browsers are told: which pages may use the API, and to use https alone."""

from datetime import timedelta

import httpx
import pytest

from api import SharedSecretAuthenticator, WebClients, create_app
from tests.api.client import AUDIENCE, ISSUER, SECRET, a_token
from tests.api.ports import InMemoryCommands, InMemoryReadModels

APP = "https://app.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def client(commands: InMemoryCommands, read_models: InMemoryReadModels, web: WebClients) -> httpx.AsyncClient:
    app = create_app(
        commands=commands,
        read_models=read_models,
        authenticator=SharedSecretAuthenticator(SECRET, issuer=ISSUER, audience=AUDIENCE),
        version="1",
        request_deadline=timedelta(seconds=30),
        web=web,
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api.test")


@pytest.mark.parametrize(
    ("web", "origin", "is_allowed"),
    [
        (WebClients(), APP, False),
        (WebClients(origins=(APP,)), APP, True),
        (WebClients(origins=(APP,)), "https://app.example.com.evil.test", False),
        (WebClients(origins=(APP,)), "null", False),
        (WebClients(origin_pattern=r"http://localhost(?::\d+)?"), "http://localhost:5173", True),
        (WebClients(origin_pattern=r"http://localhost(?::\d+)?"), "http://localhost:5173.evil.test", False),
    ],
)
async def test_only_pages_of_the_named_origins_may_ask(
    commands: InMemoryCommands,
    read_models: InMemoryReadModels,
    web: WebClients,
    origin: str,
    is_allowed: bool,
) -> None:
    async with client(commands, read_models, web) as http:
        preflight = await http.options("/graphql", headers={"Origin": origin} | PREFLIGHT)
        assert (preflight.headers.get("access-control-allow-origin") == origin) is is_allowed
        if is_allowed:
            assert preflight.status_code == 200  # without a token
        asked = await http.post(
            "/graphql",
            json={"query": "{ __typename }"},
            headers={"Origin": origin, "Authorization": f"Bearer {a_token()}"},
        )
        assert (asked.headers.get("access-control-allow-origin") == origin) is is_allowed
        if is_allowed:
            assert "X-Request-ID" in asked.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in asked.headers


async def test_a_refusal_can_be_read_by_the_page_too(
    commands: InMemoryCommands, read_models: InMemoryReadModels
) -> None:
    async with client(commands, read_models, WebClients(origins=(APP,))) as http:
        refused = await http.post("/graphql", json={}, headers={"Origin": APP})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, APP)


async def test_browsers_are_told_to_use_https_alone_where_it_is_set(
    commands: InMemoryCommands, read_models: InMemoryReadModels
) -> None:
    async with client(commands, read_models, WebClients(hsts=timedelta(days=1))) as http:
        response = await http.get("/livez")
    assert response.headers["strict-transport-security"] == "max-age=86400"
