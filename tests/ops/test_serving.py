"""How `serve` ends: whenever the signal comes, and never without the answers that it owes."""

import asyncio
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from ops.serving import _Ending, _Server
from ops.stand_ins.food_services import LocalFoodServices
from tests.ops.deployment import Deployment, service_env
from tests.ops.local.processes import eventually


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("no request is made")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_before_the_server_runs_ends_it(number: int) -> None:
    ending = _Ending(0)
    ending.ask(number)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = _Server(uvicorn.Config(_app, lifespan="off", log_config=None), ending)
        async with asyncio.timeout(10):
            await server.serve(sockets=[listener])


def test_a_second_interrupt_does_not_wait() -> None:
    ending = _Ending(3600)
    server = _Server(uvicorn.Config(_app, log_config=None), ending)
    ending.ask(signal.SIGINT)
    assert not ending.is_due
    assert not server.force_exit
    ending.ask(signal.SIGTERM)
    assert not server.force_exit
    ending.ask(signal.SIGINT)
    assert server.should_exit
    assert server.force_exit


@pytest.fixture
def deployment(
    tmp_path: Path, mongodb_url: str, mongodb_database: str, food_services: LocalFoodServices
) -> Deployment:
    env = service_env(mongodb_url, mongodb_database, food_services.port)
    return Deployment(env | {"ANALYSIS_DEADLINE_SECONDS": "20"}, tmp_path)


def test_a_service_that_ends_is_not_ready_and_serves_on_for_the_delay(deployment: Deployment) -> None:
    with deployment:
        deployment.init()
        deployment.launch("project")
        serving = deployment.launch("serve", SHUTDOWN_DELAY_SECONDS="3")
        deployment.ready()
        serving.send_signal(signal.SIGTERM)
        asked = monotonic()
        response = httpx.get(f"{deployment.url}/readyz")
        assert (response.status_code, "failing   process: it is ending" in response.text) == (503, True)
        with deployment.client() as alice:
            assert alice.ask("{ __typename }") == {"__typename": "Query"}
        assert serving.wait(30) == 0
        assert monotonic() - asked >= 3


def test_no_acknowledged_command_is_lost_at_the_end(deployment: Deployment) -> None:
    """Many clients send commands while the process is told to end; what was acknowledged is in the log afterwards."""
    acknowledged: list[str] = []

    def send(number: int) -> None:
        with deployment.client(f"person-{number}") as person:
            try:
                for _ in range(200):
                    acknowledged.append(person.analyze()["mealId"])
            except httpx.TransportError:
                return  # it has ended

    with deployment, ThreadPoolExecutor(4) as pool:
        deployment.init()
        deployment.launch("project")
        serving = deployment.launch("serve")
        deployment.ready()
        clients = [pool.submit(send, number) for number in range(4)]
        eventually(lambda: len(acknowledged) >= 20)
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(30) == 0
        for client in clients:
            client.result()
        deployment.launch("serve")
        eventually(deployment.is_ready)
        assert len(acknowledged) < 800  # so it ended in the midst of them
        people = [deployment.client(f"person-{number}") for number in range(4)]
        for meal_id in acknowledged:
            assert any(person.status(meal_id) == "ANALYZED" for person in people)
        for person in people:
            person.__exit__(None, None, None)
