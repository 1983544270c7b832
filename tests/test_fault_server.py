"""The misbehaving server misbehaves exactly as scripted, as a real client sees it."""

import time
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.fault_server import FaultyServer


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "path": request.url.path,
            "q": request.query_params.get("q"),
            "body": (await request.body()).decode(),
        }
    )


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    app = Starlette(routes=[Route("/v1/{rest:path}", _echo, methods=["GET", "POST"])])
    with FaultyServer(app) as running:
        yield running


@pytest.fixture
def client(server: FaultyServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, timeout=5) as opened:
        yield opened


def test_answers_follow_the_script_and_then_the_app(server: FaultyServer, client: httpx.Client) -> None:
    server.answer(429, json={"error": "slow down"}, headers={"Retry-After": "7"})
    server.answer(500, body="broken", times=2)

    limited = client.post("/v1/x")
    broken = [client.post("/v1/x").status_code for _ in range(2)]
    healthy = client.post("/v1/a%20b", params={"q": "é&1"}, content=b"hello")

    assert (limited.status_code, limited.headers["retry-after"], limited.json()) == (
        429,
        "7",
        {"error": "slow down"},
    )
    assert broken == [500, 500]
    assert healthy.json() == {"path": "/v1/a b", "q": "é&1", "body": "hello"}


def test_requests_are_recorded_whole(server: FaultyServer, client: httpx.Client) -> None:
    client.post(
        "/v1/search", params=[("t", "1"), ("t", "2")], json={"query": "apple"}, headers={"X-Api-Key": "k"}
    )

    (request,) = server.wait_for_requests(1)
    assert (request.method, request.path, request.query) == ("POST", "/v1/search", (("t", "1"), ("t", "2")))
    assert (request.json(), request.headers["x-api-key"], request.param("t")) == (
        {"query": "apple"},
        "k",
        "1",
    )


def test_a_late_answer_comes_after_its_delay(server: FaultyServer, client: httpx.Client) -> None:
    server.pass_through(delay=0.15)
    began = time.monotonic()
    assert client.get("/v1/x").status_code == 200
    assert time.monotonic() - began >= 0.15


def test_a_cut_answer_promises_more_than_it_sends(server: FaultyServer, client: httpx.Client) -> None:
    server.answer(json={"a": "long enough"}, cut_after=5)
    with pytest.raises(httpx.RemoteProtocolError, match="received 5 bytes, expected"):
        client.get("/v1/x")
    assert client.get("/v1/x").status_code == 200


def test_a_reset_connection_gives_no_answer(server: FaultyServer, client: httpx.Client) -> None:
    server.reset()
    with pytest.raises(httpx.ReadError):
        client.get("/v1/x")


def test_silence_ends_in_the_clients_own_timeout(server: FaultyServer, client: httpx.Client) -> None:
    server.silence()
    with pytest.raises(httpx.ReadTimeout):
        client.get("/v1/x", timeout=0.1)
    assert len(server.requests) == 1


def test_a_lasting_fault_lasts_until_it_is_cleared(server: FaultyServer, client: httpx.Client) -> None:
    server.answer(503, times=None)
    assert {client.get("/v1/x").status_code for _ in range(5)} == {503}
    server.clear()
    assert client.get("/v1/x").status_code == 200


def test_an_empty_script_without_an_app_says_so() -> None:
    with FaultyServer() as server:
        answer = httpx.get(server.base_url)
    assert (answer.status_code, answer.text) == (501, "the script is empty and there is no app")


def test_a_stopped_server_refuses_and_frees_its_address() -> None:
    with FaultyServer() as first:
        first.silence()
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(first.base_url, timeout=0.1)
    with pytest.raises(httpx.ConnectError):
        httpx.get(first.base_url)
    with FaultyServer(port=first.port) as second:
        second.answer(204)
        assert httpx.get(first.base_url).status_code == 204


def test_a_taken_port_is_an_error(server: FaultyServer) -> None:
    with pytest.raises(OSError, match="in use"):
        FaultyServer(port=server.port).start()


def test_waiting_for_requests_that_do_not_come_is_bounded(server: FaultyServer) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 requests"):
        server.wait_for_requests(1, timeout=0.05)


def test_a_crash_of_the_app_reaches_the_test() -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    server = FaultyServer(broken).start()
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(server.base_url)
    with pytest.raises(ZeroDivisionError):
        server.stop()


def test_a_flood_lasts_until_the_client_closes(server: FaultyServer, client: httpx.Client) -> None:
    server.flood(503, headers={"Retry-After": "1"})
    with client.stream("GET", "/v1/x") as response:
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        pieces = response.iter_bytes()
        assert sum(len(next(pieces)) for _ in range(50)) > 50_000
    assert client.get("/v1/x").status_code == 200
