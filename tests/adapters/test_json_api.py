"""Faults of a food database over real HTTP: each is told apart, and none shows the key or the address."""

import gzip
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from msgspec import Struct
from structlog.testing import capture_logs

from adapters.json_api import JsonApi
from adapters.resilience import Resilience
from adapters.service_errors import AnswerTooLarge, CircuitOpen, MalformedAnswer, Misconfigured
from ledger import RateLimited, ServiceUnavailable
from tests.adapters.services import quick_resilience
from tests.fault_server import FaultyServer

KEY = "a-secret-key"
NAME = "a secret name"
MOST_BYTES = 1_000


class Answer(Struct):
    value: int


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@asynccontextmanager
async def opened(resilience: Resilience) -> AsyncIterator[JsonApi]:
    client = JsonApi(resilience, {"X-Api-Key": KEY}, most_bytes=MOST_BYTES)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture
async def api() -> AsyncIterator[JsonApi]:
    async with opened(quick_resilience("The table")) as client:
        yield client


async def ask(api: JsonApi, server: FaultyServer) -> Answer:
    return await api.get(f"{server.base_url}/things", [("name", NAME)], Answer)


async def test_an_answer_is_typed_and_the_request_asks_for_json(api: JsonApi, server: FaultyServer) -> None:
    server.answer(json={"value": 7, "more": "ignored"})
    server.answer(json={"value": 8})

    assert await ask(api, server) == Answer(7)
    assert await api.post(f"{server.base_url}/things", {"query": "x"}, Answer) == Answer(8)

    got, posted = server.requests
    assert (got.method, got.path, got.param("name")) == ("GET", "/things", NAME)
    assert (posted.method, posted.json()) == ("POST", {"query": "x"})
    for request in (got, posted):
        assert (request.headers["accept"], request.headers["x-api-key"]) == ("application/json", KEY)


@pytest.mark.parametrize(
    "body",
    [
        {"status": 404, "error": "Not Found"},
        {"error": {"code": "NOT_FOUND", "message": "The requested URL was not found."}},
    ],
)
async def test_a_404_means_a_wrong_address_logged_once(
    api: JsonApi, server: FaultyServer, body: dict[str, object]
) -> None:
    server.answer(404, json=body, times=None)
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(Misconfigured):
                await ask(api, server)
    assert [(line["event"], line["status"]) for line in logs] == [("service_misconfigured", 404)]
    assert len(server.requests) == 3
    assert "answers HTTP 404" in (api.misconfiguration or "")


async def test_a_mended_address_is_no_misconfiguration_any_more(api: JsonApi, server: FaultyServer) -> None:
    assert api.misconfiguration is None
    server.answer(403, json={"error": {"code": "API_KEY_INVALID"}})
    server.answer(json={"value": 7})
    with pytest.raises(Misconfigured):
        await ask(api, server)
    assert api.misconfiguration == "it answers HTTP 403 API_KEY_INVALID: look at its address, key and account"
    await ask(api, server)
    assert api.misconfiguration is None


@pytest.mark.parametrize("announced", [True, False])
async def test_an_answer_past_the_cap_is_not_read(
    api: JsonApi, server: FaultyServer, announced: bool
) -> None:
    body = b'{"value": 1, "more": "' + b"x" * 200_000 + b'"}'
    headers = {} if announced else {"Content-Encoding": "gzip"}
    server.answer(body=body if announced else gzip.compress(body), headers=headers, times=None)
    with pytest.raises(AnswerTooLarge, match="The table gave an answer of more than 1000 bytes"):
        await ask(api, server)
    assert len(server.requests) == 1


async def test_an_answer_just_under_the_cap_is_read(api: JsonApi, server: FaultyServer) -> None:
    server.answer(body=b'{"value": 1}'.ljust(MOST_BYTES))
    assert await ask(api, server) == Answer(1)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_service_in_trouble_is_tried_again(api: JsonApi, server: FaultyServer, status: int) -> None:
    server.answer(status, body="<html>oops</html>")
    server.answer(json={"value": 1})
    assert await ask(api, server) == Answer(1)
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", ["reset", "status"])
async def test_a_failure_is_noted_with_what_was_seen(api: JsonApi, server: FaultyServer, fault: str) -> None:
    if fault == "status":
        server.answer(503, times=None)
    else:
        server.reset(times=None)
    with pytest.raises(ServiceUnavailable) as down:
        await ask(api, server)
    assert down.value.__notes__ == [{"reset": "ReadError", "status": "HTTP 503"}[fault]]


async def test_a_service_that_stays_in_trouble_is_unavailable(api: JsonApi, server: FaultyServer) -> None:
    server.answer(500, times=None)
    with pytest.raises(ServiceUnavailable, match="The table is not available") as down:
        await ask(api, server)
    assert down.value.retryable
    assert len(server.requests) == 3


async def test_a_limit_reached_carries_the_seconds_to_wait(api: JsonApi, server: FaultyServer) -> None:
    server.answer(429, json={"error": {"code": "OVER_RATE_LIMIT"}}, headers={"Retry-After": "1800"})
    with pytest.raises(RateLimited, match="over its limit") as limited:
        await ask(api, server)
    assert limited.value.retry_after == 1800
    assert len(server.requests) == 1


async def test_a_short_limit_is_waited_out(api: JsonApi, server: FaultyServer) -> None:
    server.answer(429, headers={"Retry-After": "1"})
    server.answer(json={"value": 1})
    assert await ask(api, server) == Answer(1)
    first, second = server.requests
    assert second.at - first.at >= 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "API_KEY_INVALID"), (403, "API_KEY_MISSING"), (400, "HTTPS_REQUIRED"), (401, None), (301, None)],
)
async def test_a_refused_key_or_request_is_a_misconfiguration(
    api: JsonApi, server: FaultyServer, status: int, code: str | None
) -> None:
    """And not a food that was not found."""
    server.answer(status, json={"error": {"code": code, "message": f"no {KEY}"}})
    with capture_logs() as logs, pytest.raises(Misconfigured) as refused:
        await ask(api, server)
    assert len(server.requests) == 1
    assert not refused.value.retryable
    assert KEY not in refused.value.message
    (logged,) = logs
    assert logged == {
        "event": "service_misconfigured",
        "log_level": "error",
        "service": "The table",
        "status": status,
        "reason": code,
    }


async def test_a_slow_answer_is_cut_off_and_tried_again(server: FaultyServer) -> None:
    async with opened(quick_resilience(attempt_timeout=0.2)) as api:
        server.silence()
        server.answer(json={"value": 1})
        assert await ask(api, server) == Answer(1)
        server.silence(times=None)
        with pytest.raises(ServiceUnavailable, match="in time"):
            await ask(api, server)


async def test_an_answer_that_comes_too_late_is_cut_off_too(server: FaultyServer) -> None:
    async with opened(quick_resilience(attempts=1, attempt_timeout=0.2)) as api:
        server.answer(json={"value": 1}, delay=1)
        with pytest.raises(ServiceUnavailable, match="in time"):
            await ask(api, server)


async def test_a_broken_connection_is_tried_again(api: JsonApi, server: FaultyServer) -> None:
    server.reset()
    server.answer(json={"value": 12345}, cut_after=5)
    server.answer(json={"value": 1})
    assert await ask(api, server) == Answer(1)
    assert len(server.requests) == 3


async def test_a_service_that_does_not_listen_is_unavailable(api: JsonApi, server: FaultyServer) -> None:
    server.stop()
    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        await ask(api, server)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>maintenance</html>", {}),
        (b'{"value": "seven"}', {}),
        (b'{"value": 7', {}),
        (b'"\xff\xfe"', {}),
        (b"", {}),
        (b"no gzip", {"Content-Encoding": "gzip"}),
    ],
)
async def test_nonsense_gets_one_more_try(
    api: JsonApi, server: FaultyServer, body: bytes, headers: dict[str, str]
) -> None:
    server.answer(body=body, headers=headers, times=None)
    with pytest.raises(MalformedAnswer):
        await ask(api, server)
    assert len(server.requests) == 2


async def test_a_service_that_keeps_failing_is_left_alone(server: FaultyServer) -> None:
    async with opened(quick_resilience(attempts=2, failure_threshold=2)) as api:
        server.answer(500, times=None)
        for _ in range(2):
            with pytest.raises(ServiceUnavailable):
                await ask(api, server)
        with pytest.raises(CircuitOpen):
            await ask(api, server)
        assert len(server.requests) == 4


@pytest.mark.parametrize("fault", ["reset", "silence", "malformed", "forbidden", "down"])
async def test_errors_and_logs_show_no_key_or_name(server: FaultyServer, fault: str) -> None:
    """Nor does a traceback."""
    async with opened(quick_resilience(attempts=2, attempt_timeout=0.2)) as api:
        scripts = {
            "reset": lambda: server.reset(times=None),
            "silence": lambda: server.silence(times=None),
            "malformed": lambda: server.answer(body=KEY + NAME, times=None),
            "forbidden": lambda: server.answer(403, body=KEY + NAME, times=None),
            "down": lambda: server.answer(500, body=KEY + NAME, times=None),
        }
        scripts[fault]()
        with capture_logs() as logs, pytest.raises(ServiceUnavailable) as failed:
            await ask(api, server)
        written = str(logs) + "".join(traceback.format_exception(failed.value)) + repr(failed.value)
        for secret in (KEY, NAME, NAME.replace(" ", "+"), str(server.port)):
            assert secret not in written
