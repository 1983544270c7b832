"""Health endpoints: open to every client, cheap, and telling apart what runs from what is ready."""

import asyncio

import httpx
import pytest
import structlog

from api import Check
from projections import NotReady, ReadModelCondition
from tests.api.ports import Diary, InMemoryReadModels

MEALS = ReadModelCondition(name="meals", position=40, head=42, has_projector=True)


async def test_health_has_exactly_the_documented_shape(http: httpx.AsyncClient) -> None:
    response = await http.get("/health")
    assert (response.status_code, response.text) == (200, '{"status": "healthy", "version": "1.2.3"}')
    assert response.headers["content-type"] == "application/json"


async def test_readiness_has_a_line_for_each_dependency(
    http: httpx.AsyncClient, read_models: InMemoryReadModels, checks: list[Check]
) -> None:
    read_models.condition = [MEALS]
    checks.append(Check(name="OpenAI", is_required=False))
    response = await http.get("/readyz")
    assert (response.status_code, response.text.splitlines()) == (
        200,
        [
            "ready",
            "ok        mongodb",
            "ok        read model meals",
            "ok        projector of meals",
            "ok        OpenAI",
        ],
    )


async def test_the_verbose_answer_has_versions_and_lag(
    http: httpx.AsyncClient, read_models: InMemoryReadModels
) -> None:
    read_models.condition = [MEALS]
    answer = (await http.get("/readyz?verbose=1")).json()
    assert (answer["status"], answer["version"], answer["commit"]) == ("ready", "1.2.3", "abc123")
    assert answer["checks"][1] == {
        "name": "read model meals",
        "status": "ok",
        "required": True,
        "position": 40,
        "lag": 2,
    }


@pytest.mark.parametrize(
    ("condition", "check"),
    [
        (ReadModelCondition(name="meals", position=1, head=1, has_projector=False), None),
        (MEALS, Check(name="OpenAI", problem="it answers HTTP 401", is_required=False)),
    ],
)
async def test_what_is_not_required_is_said_and_leaves_it_ready(
    http: httpx.AsyncClient,
    read_models: InMemoryReadModels,
    checks: list[Check],
    condition: ReadModelCondition,
    check: Check | None,
) -> None:
    """A stalled projector takes no API out of the balancer: commands and reads work."""
    read_models.condition = [condition]
    checks += [check] if check else []
    response = await http.get("/readyz")
    assert response.status_code == 200
    [degraded] = [line for line in response.text.splitlines() if line.startswith("degraded")]
    assert (
        "projector of meals: none keeps it up to date" in degraded
        or "OpenAI: it answers HTTP 401" in degraded
    )


async def test_an_unreadable_read_model_makes_it_not_ready(
    http: httpx.AsyncClient, read_models: InMemoryReadModels
) -> None:
    read_models.condition = [
        ReadModelCondition(
            name="meals", position=0, head=9, has_projector=True, problem="it is being rebuilt"
        )
    ]
    response = await http.get("/readyz")
    assert response.status_code == 503
    assert "failing   read model meals: it is being rebuilt" in response.text


async def test_an_outage_makes_it_not_ready_and_restarts_nothing(
    http: httpx.AsyncClient, read_models: InMemoryReadModels, diary: Diary
) -> None:
    read_models.not_ready = diary.raises = NotReady("MongoDB does not answer.")
    response = await http.get("/readyz")
    assert (response.status_code, response.text) == (
        503,
        "not ready\nfailing   mongodb: MongoDB does not answer.\n",
    )
    for path in ("/livez", "/health"):
        assert (await http.get(path)).status_code == 200


async def test_each_change_of_readiness_leaves_one_line(
    http: httpx.AsyncClient, read_models: InMemoryReadModels
) -> None:
    with structlog.testing.capture_logs() as logs:
        for outage in (None, None, NotReady("Gone."), NotReady("Gone."), None):
            read_models.not_ready = outage
            await http.get("/readyz")
    flips = [line for line in logs if line["event"] == "readiness_changed"]
    assert [(line["is_ready"], line["log_level"], line["failing"]) for line in flips] == [
        (True, "info", []),
        (False, "error", ["failing   mongodb: Gone."]),
        (True, "info", []),
    ]


async def test_a_database_that_hangs_is_given_up(
    http: httpx.AsyncClient, read_models: InMemoryReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("api.http.health._READY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(read_models, "conditions", hang)
    async with asyncio.timeout(2):
        response = await http.get("/readyz")
    assert response.status_code == 503
    assert "no answer within" in response.text


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health"])
async def test_health_endpoints_answer_get_and_head_only(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.head(path)).status_code == 200
    response = await http.get(path, params={"verbose": "1"}, headers={"Authorization": "nonsense"})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    refused = await http.post(path)
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert refused.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
