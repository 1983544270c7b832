"""Correlation ids and the line that each request leaves in the log."""

import uuid
from typing import Any

import httpx
import pytest
import structlog

from tests.api.client import GraphQLClient, a_token
from tests.api.ports import Diary

PHOTO = "https://photos.example/private/alice-at-the-doctor.jpg"
ANALYZE = "mutation ($url: String!) { analyzeMealPhoto(photoUrl: $url) { mealId } }"


async def requested(http: httpx.AsyncClient, *ids: str) -> httpx.Response:
    headers = [("Authorization", f"Bearer {a_token()}"), *(("X-Request-ID", given) for given in ids)]
    return await http.post("/graphql", json={"query": "{"}, headers=headers)


@pytest.mark.parametrize(
    "given", ["12345678", "a" * 64, "4ff45b82-7722-43c1-9967-ec3ca2708437", "Edge-1.2_3456"]
)
async def test_a_request_id_of_a_usual_shape_is_kept_behind_ours(http: httpx.AsyncClient, given: str) -> None:
    response = await requested(http, given)
    ours, theirs = response.headers["x-request-id"].split(".", 1)
    assert (len(ours), theirs) == (16, given)
    assert response.json()["errors"][0]["extensions"]["correlationId"] == response.headers["x-request-id"]


async def test_no_client_can_choose_the_id_of_another_request(http: httpx.AsyncClient) -> None:
    first = (await requested(http, "from-the-edge")).headers["x-request-id"]
    again = (await requested(http, first)).headers["x-request-id"]
    assert again != first
    assert again.endswith(f".{first}")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "short",
        "a" * 65,
        "has blanks in it",
        'quo"ted-and-more',
        "-leading-dash",
        "new\\nline-12345",
        "<script>alert</script>",
    ],
)
async def test_any_other_request_id_is_replaced(http: httpx.AsyncClient, given: str) -> None:
    answered = (await requested(http, given)).headers["x-request-id"]
    assert answered != given
    assert str(uuid.UUID(answered)) == answered


async def test_of_two_request_ids_neither_is_kept(http: httpx.AsyncClient) -> None:
    response = await requested(http, "11111111", "22222222")
    assert uuid.UUID(response.headers["x-request-id"])


async def test_every_request_has_an_id_of_its_own(http: httpx.AsyncClient) -> None:
    ids = {(await requested(http)).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


async def test_every_answer_carries_it(http: httpx.AsyncClient) -> None:
    for path in ("/livez", "/health", "/readyz", "/graphql", "/nowhere"):
        response = await http.get(path, headers={"X-Request-ID": "from-the-edge"})
        [answered] = response.headers.get_list("x-request-id")
        assert answered.endswith(".from-the-edge")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in response.headers


async def test_it_goes_with_the_command_and_into_every_log_line(
    http: httpx.AsyncClient, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[dict[str, Any]] = []

    async def note(*_: object) -> None:
        bound.append(structlog.contextvars.get_contextvars())
        raise RuntimeError

    monkeypatch.setattr("tests.api.ports.InMemoryCommands.delete_meal", note)
    response = await http.post(
        "/graphql",
        json={
            "query": """mutation ($url: String!) {
                          analyzeMealPhoto(photoUrl: $url) { mealId }
                          deleteMeal(mealId: 1) { position }
                        }""",
            "variables": {"url": PHOTO},
        },
        headers={"Authorization": f"Bearer {a_token()}", "X-Request-ID": "from-the-edge"},
    )
    [(context, _)] = diary.asked
    assert (context.user_id, context.correlation_id) == ("alice", response.headers["x-request-id"])
    assert bound == [{"correlation_id": context.correlation_id}]
    assert structlog.contextvars.get_contextvars() == {}


async def test_an_unreadable_context_does_not_stop_a_request(
    alice: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> dict[str, Any]:
        raise KeyError("structlog_correlation_id")  # structlog issue #591

    monkeypatch.setattr("structlog.contextvars.get_contextvars", broken)
    assert await alice.data("{ __typename }") == {"__typename": "Query"}


async def test_a_request_leaves_one_line(alice: GraphQLClient) -> None:
    with structlog.testing.capture_logs() as logs:
        await alice.data("{ __typename }")
    [line] = logs
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "http_request", "log_level": "info", "method": "POST", "path": "/graphql", "status": 200,
        "error_codes": (),
    }  # fmt: skip


async def test_health_is_logged_for_who_looks_closely(http: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        await http.get("/livez")
    assert [line["log_level"] for line in logs] == ["debug"]


async def test_nothing_personal_is_logged(
    alice: GraphQLClient, http: httpx.AsyncClient, diary: Diary
) -> None:
    with structlog.testing.capture_logs() as logs:
        await alice.data(ANALYZE, url=PHOTO)
        await http.get(f"/private/{a_token()}", params={"query": PHOTO}, headers=alice.headers)
        await http.get(
            "/graphql", params={"query": f'{{ meal(id: "{PHOTO}") {{ id }} }}'}, headers=alice.headers
        )
        await http.request("LEAK-alice", "/graphql", headers=alice.headers)
        diary.raises = RuntimeError("without personal data")
        await alice.post(ANALYZE, url=PHOTO)
    assert len(logs) == 7
    for personal in ("alice", "photos.example", "doctor", "eyJ", "Bearer", "LEAK"):
        assert personal not in str(logs)
    assert {(line["method"], line["path"]) for line in logs if "path" in line} == {
        ("POST", "/graphql"), ("GET", "other"), ("GET", "/graphql"), ("other", "/graphql"),
    }  # fmt: skip
