"""What a crash in the middle leaves behind, and what the next process makes of it."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ops.local.ports import free_port
from ops.stand_ins.food_services import FoodServiceAddresses, food_services_app
from tests.fault_server import FaultyServer
from tests.ops.local.processes import eventually
from tests.ops.running_service import Client, meal_ledger, start

Launch = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def services() -> Iterator[FaultyServer]:
    with FaultyServer(food_services_app()) as server:
        yield server


@pytest.fixture
def env(mongodb_url: str, mongodb_database: str, services: FaultyServer) -> dict[str, str]:
    addresses = FoodServiceAddresses(services.port)
    return {
        "APP_ENV": "test",
        "MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": mongodb_database,
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": addresses.openai_base_url,
        "USDA_API_KEY": "key",
        "USDA_BASE_URL": addresses.usda_base_url,
        "OPENFOODFACTS_SEARCH_URL": addresses.openfoodfacts_search_url,
        "ANALYSIS_DEADLINE_SECONDS": "2",
        "AUTH_JWT_SECRET": "a secret of more than thirty-two bytes",
        "AUTH_ISSUER": "tests",
        "AUTH_AUDIENCE": "meal-ledger",
        "PORT": str(free_port()),
    }


@pytest.fixture
def launch(env: dict[str, str], tmp_path: Path) -> Iterator[Launch]:
    """Starts `meal-ledger serve` or `project`; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def run(command: str) -> subprocess.Popen[bytes]:
        started.append(start("ops.cli", command, env=env, output=tmp_path / f"{command}.log"))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def ready(env: dict[str, str]) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{env['PORT']}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def client_of(env: dict[str, str]) -> Client:
    token = meal_ledger("token", "--user", "alice", env=env | {"APP_ENV": "local", "DATA": "/nowhere"})
    assert token.returncode == 0, token.stderr
    return Client(f"http://127.0.0.1:{env['PORT']}", token.stdout.strip())


def test_an_analysis_that_a_crash_cut_off_is_settled_by_the_next_process(
    env: dict[str, str], services: FaultyServer, launch: Launch
) -> None:
    launch("project")
    crashing = launch("serve")
    eventually(lambda: ready(env), 60)
    services.silence()
    with client_of(env) as alice:
        with pytest.raises(httpx.TransportError):
            _analyze_until(alice, services, crashing, signal.SIGKILL)
        launch("serve")
        eventually(lambda: ready(env), 60)
        again = alice.analyze(key="lunch")
        assert again["status"] == "FAILED"
        assert [error["code"] for error in again["userErrors"]] == ["SERVICE_UNAVAILABLE"]
        assert len([request for request in services.requests if request.path.endswith("/responses")]) == 1
        assert alice.status(again["mealId"], again["position"]) == "FAILED"


def test_a_request_in_hand_is_answered_before_the_api_ends(
    env: dict[str, str], services: FaultyServer, launch: Launch
) -> None:
    launch("project")
    serving = launch("serve")
    eventually(lambda: ready(env), 60)
    services.pass_through(delay=0.5)
    with client_of(env) as alice:
        answer = _analyze_until(alice, services, serving, signal.SIGTERM)
    assert answer["status"] == "ANALYZED"
    assert serving.wait(30) == 0


def test_a_projector_that_is_killed_is_followed_by_one_that_goes_on(
    env: dict[str, str], launch: Launch
) -> None:
    launch("serve")
    first = launch("project")
    eventually(lambda: ready(env), 60)
    with client_of(env) as alice:
        before = alice.analyze(at="2025-11-13T12:00:00Z")
        first.kill()
        first.wait()
        meanwhile = alice.analyze(at="2025-11-13T18:00:00Z")
        alice.confirm(meanwhile["mealId"], meanwhile["meal"]["entries"][0]["id"])
        second = launch("project")
        eventually(lambda: alice.status(meanwhile["mealId"]) == "CONFIRMED", 60)
        assert alice.status(before["mealId"]) == "ANALYZED"
        eventually(lambda: alice.summary("2025-11-13")["mealCount"] == 1, 30)
        assert alice.summary("2025-11-13")["pendingCount"] == 1
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0


@pytest.mark.parametrize("command", ["serve", "project", "init"])
def test_without_its_database_a_command_ends_with_one_line(env: dict[str, str], command: str) -> None:
    refused = meal_ledger(
        command, env=env | {"MONGODB_URL": f"mongodb://user:hidden@127.0.0.1:{free_port()}/?replicaSet=rs"}
    )
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert "MONGODB_URL" in refused.stderr
    assert "hidden" not in refused.stderr


def _analyze_until(
    client: Client, services: FaultyServer, api: subprocess.Popen[bytes], end: signal.Signals
) -> dict[str, object]:
    """The answer to an analysis during which, the model having been asked, the API gets that signal."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.analyze, key="lunch")
        services.wait_for_requests(1, 30)
        api.send_signal(end)
        return answer.result(60)
