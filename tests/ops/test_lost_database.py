"""Commands whose MongoDB is missing, frozen or killed: each ends, and says why in one line.

A command that takes longer than a minute counts as one that hangs.
"""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pymongo import MongoClient

from ops.local.mongod import LocalMongod
from ops.local.ports import free_port
from ops.stand_ins.food_services import LocalFoodServices
from tests.ops.deployment import Deployment, service_env
from tests.ops.local.processes import eventually
from tests.ops.running_service import meal_ledger

BOUND_SECONDS = 45.0
"""Far above the seconds that it takes here, and far below the minutes of a hang: the machine may be busy."""


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[LocalMongod]:
    with LocalMongod(tmp_path / "db") as running:
        yield running
        running.send(signal.SIGCONT)


@pytest.fixture
def deployment(mongod: LocalMongod, food_services: LocalFoodServices, tmp_path: Path) -> Iterator[Deployment]:
    folder = tmp_path / "deployment"
    folder.mkdir()
    with Deployment(service_env(mongod.url, "meal_ledger", food_services.port), folder) as running:
        yield running


def ended_with_one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", ["serve", "project", "init"])
def test_without_a_server_a_command_ends_with_one_line(command: str) -> None:
    url = f"mongodb://user:hidden@127.0.0.1:{free_port()}/?replicaSet=rs"
    line = ended_with_one_line(meal_ledger(command, env=service_env(url, "meal_ledger", 1)))
    assert line.startswith("meal-ledger: MongoDB (MONGODB_URL) cannot be used")
    assert "hidden" not in line


@pytest.mark.parametrize("command", ["serve", "project", "init"])
def test_with_a_frozen_server_a_command_ends_with_one_line(
    mongod: LocalMongod, deployment: Deployment, command: str
) -> None:
    mongod.send(signal.SIGSTOP)
    line = ended_with_one_line(meal_ledger(command, env=deployment.env))
    assert line.startswith("meal-ledger: MongoDB (MONGODB_URL) cannot be used")


@pytest.mark.parametrize("command", ["serve", "project"])
def test_before_init_a_command_names_it_and_creates_nothing(
    mongodb_url: str, mongodb_database: str, command: str
) -> None:
    env = service_env(mongodb_url, mongodb_database, 1)
    line = ended_with_one_line(meal_ledger(command, env=env))
    assert f"the database {mongodb_database} lacks the index of meal_ledger_events" in line
    assert "run `meal-ledger init` first" in line
    with MongoClient[dict[str, object]](mongodb_url) as client:
        assert client[mongodb_database].list_collection_names() == []


@pytest.mark.parametrize("command", ["serve", "project"])
def test_a_missing_read_model_is_named_at_the_start(
    mongodb_url: str, mongodb_database: str, command: str
) -> None:
    env = service_env(mongodb_url, mongodb_database, 1)
    assert meal_ledger("init", env=env).returncode == 0
    with MongoClient[dict[str, object]](mongodb_url) as client:
        client[mongodb_database].meals_v2.drop()
    line = ended_with_one_line(meal_ledger(command, env=env))
    assert "lacks the read model meals_v2: run `meal-ledger init` first" in line


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_commands_end_when_told_to_though_their_server_is_gone(
    mongod: LocalMongod, deployment: Deployment, how: signal.Signals
) -> None:
    deployment.init()
    processes = [deployment.launch(command) for command in ("project", "serve")]
    deployment.ready()
    with deployment.client() as alice:
        alice.analyze()
    mongod.send(how)
    eventually(lambda: httpx.get(f"{deployment.url}/readyz", timeout=30).status_code == 503, 60)
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(BOUND_SECONDS)


def test_the_smoke_tests_fail_when_the_server_is_gone(mongod: LocalMongod, deployment: Deployment) -> None:
    deployment.init()
    deployment.launch("project")
    deployment.launch("serve")
    deployment.ready()
    token = deployment.token()
    mongod.send(signal.SIGKILL)
    smoke = meal_ledger("smoke", "--url", deployment.url, "--token", token, env={})
    assert smoke.returncode == 1
    assert smoke.stdout.splitlines()[-1].startswith("failed")
    assert "set MEAL_LEDGER_TOKEN instead" in smoke.stderr
