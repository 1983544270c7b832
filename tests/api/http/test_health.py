"""Health endpoints: open to every client, cheap, and telling apart what runs from what is ready."""

import asyncio

import httpx
import pytest

from projections import NotReady
from tests.api.ports import Diary, InMemoryReadModels


async def test_health_has_exactly_the_documented_shape(http: httpx.AsyncClient) -> None:
    response = await http.get("/health")
    assert (response.status_code, response.text) == (200, '{"status": "healthy", "version": "1.2.3"}')
    assert response.headers["content-type"] == "application/json"


async def test_all_are_well(http: httpx.AsyncClient) -> None:
    assert (await http.get("/livez")).json() == {"status": "alive"}
    assert (await http.get("/readyz")).json() == {"status": "ready"}


async def test_a_misconfigured_service_is_named_and_does_not_make_it_unready(
    http: httpx.AsyncClient, degraded: list[str]
) -> None:
    degraded.append("USDA FoodData Central answers 404: look at its address and key")
    response = await http.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "degraded": degraded})


async def test_an_outage_makes_it_not_ready_and_restarts_nothing(
    http: httpx.AsyncClient, read_models: InMemoryReadModels, diary: Diary
) -> None:
    read_models.not_ready = NotReady("No projector keeps the meals up to date.")
    diary.raises = NotReady("MongoDB does not answer.")
    response = await http.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {"status": "not ready", "reason": "No projector keeps the meals up to date."},
    )
    for path in ("/livez", "/health"):
        assert (await http.get(path)).status_code == 200


async def test_a_database_that_hangs_is_given_up(
    http: httpx.AsyncClient, read_models: InMemoryReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("api.http.health._READY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(read_models, "check_ready", hang)
    async with asyncio.timeout(2):
        response = await http.get("/readyz")
    assert response.status_code == 503
    assert "did not answer" in response.json()["reason"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health"])
async def test_health_endpoints_answer_get_and_head_only(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.head(path)).status_code == 200
    assert (
        await http.get(path, params={"verbose": "1"}, headers={"Authorization": "nonsense"})
    ).status_code == 200
    response = await http.post(path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert response.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
