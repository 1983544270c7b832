"""A crash in the middle, and the recovery by the next process."""

import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ops.stand_ins.food_services import food_services_app
from tests.fault_server import FaultyServer
from tests.ops.deployment import Deployment, service_env
from tests.ops.local.processes import eventually
from tests.ops.running_service import Client


@pytest.fixture
def services() -> Iterator[FaultyServer]:
    with FaultyServer(food_services_app()) as server:
        yield server


@pytest.fixture
def deployment(
    mongodb_url: str, mongodb_database: str, services: FaultyServer, tmp_path: Path
) -> Iterator[Deployment]:
    with Deployment(service_env(mongodb_url, mongodb_database, services.port), tmp_path) as running:
        running.init()
        yield running


def test_the_next_process_fails_a_crashed_analysis(deployment: Deployment, services: FaultyServer) -> None:
    deployment.launch("project")
    crashing = deployment.launch("serve")
    deployment.ready()
    services.silence()
    with deployment.client() as alice:
        with pytest.raises(httpx.TransportError):
            _analyze_until(alice, services, crashing, signal.SIGKILL)
        deployment.launch("serve")
        deployment.ready()
        again = alice.analyze(key="lunch")
        assert again["status"] == "FAILED"
        assert [error["code"] for error in again["userErrors"]] == ["SERVICE_UNAVAILABLE"]
        assert len([request for request in services.requests if request.path.endswith("/responses")]) == 1
        assert alice.status(again["mealId"], again["position"]) == "FAILED"


def test_a_request_in_hand_is_answered_before_the_api_ends(
    deployment: Deployment, services: FaultyServer
) -> None:
    deployment.launch("project")
    serving = deployment.launch("serve")
    deployment.ready()
    services.pass_through(delay=0.5)
    with deployment.client() as alice:
        answer = _analyze_until(alice, services, serving, signal.SIGTERM)
    assert answer["status"] == "ANALYZED"
    assert serving.wait(30) == 0


def test_a_new_projector_continues_after_a_killed_one(deployment: Deployment) -> None:
    deployment.launch("serve")
    first = deployment.launch("project")
    deployment.ready()
    with deployment.client() as alice:
        before = alice.analyze(at="2025-11-13T12:00:00Z")
        first.kill()
        first.wait()
        meanwhile = alice.analyze(at="2025-11-13T18:00:00Z")
        alice.confirm(meanwhile["mealId"], meanwhile["meal"]["entries"][0]["id"])
        second = deployment.launch("project")
        eventually(lambda: alice.status(meanwhile["mealId"]) == "CONFIRMED", 60)
        assert alice.status(before["mealId"]) == "ANALYZED"
        eventually(lambda: alice.summary("2025-11-13")["mealCount"] == 1, 30)
        assert alice.summary("2025-11-13")["pendingCount"] == 1
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0


def _analyze_until(
    client: Client, services: FaultyServer, api: subprocess.Popen[bytes], end: signal.Signals
) -> dict[str, object]:
    """The answer to an analysis during which, the model having been asked, the API gets that signal."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.analyze, key="lunch")
        services.wait_for_requests(1, 30)
        api.send_signal(end)
        return answer.result(60)
