"""What on-call reads when something goes that the service depends on, and when it is back."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from ops.local.mongod import LocalMongod
from ops.outages import Outages
from ops.stand_ins.food_services import food_services_app
from tests.clock import Clock
from tests.fault_server import FaultyServer
from tests.ops.deployment import Deployment, service_env
from tests.ops.local.processes import eventually


def test_an_outage_is_said_once_then_once_a_minute() -> None:
    clock = Clock()
    outages = Outages(clock=clock)
    with structlog.testing.capture_logs() as lines:
        for _ in range(125):
            outages.gone("MongoDB", "nothing works")
            outages.remind()
            clock.now += 1
        outages.back("MongoDB")
        outages.back("MongoDB")
        outages.remind()
    told = {"dependency": "MongoDB", "meaning": "nothing works", "log_level": "error"}
    assert lines == [
        told | {"event": "dependency_gone"},
        told | {"event": "dependency_still_gone", "gone_seconds": 60},
        told | {"event": "dependency_still_gone", "gone_seconds": 120},
        {"dependency": "MongoDB", "event": "dependency_back", "gone_seconds": 125.0, "log_level": "warning"},
    ]


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[LocalMongod]:
    with LocalMongod(tmp_path / "db") as running:
        yield running
        running.send(signal.SIGCONT)


def _lines(deployment: Deployment, command: str, dependency: str) -> list[tuple[str, str]]:
    """The events about the dependency, and what they say."""
    found: list[dict[str, Any]] = [
        json.loads(line)
        for line in deployment.output(command).read_text().splitlines()
        if line.startswith("{")
    ]
    return [
        (line["event"], line.get("meaning", "")) for line in found if line.get("dependency") == dependency
    ]


def test_both_processes_say_that_a_dependency_is_gone_and_back(mongod: LocalMongod, tmp_path: Path) -> None:
    with FaultyServer(food_services_app()) as services:
        env = service_env(mongod.url, "meal_ledger", services.port) | {
            "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "2",
            "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "1",
            "OPENAI_MAX_RETRIES": "0",
        }
        folder = tmp_path / "deployment"
        folder.mkdir()
        with Deployment(env, folder) as deployment:
            deployment.init()
            for command in ("serve", "project"):
                deployment.launch(command)
            deployment.ready()

            def both(*said: tuple[str, str]) -> bool:
                return all(
                    _lines(deployment, command, "MongoDB") == list(said) for command in ("serve", "project")
                )

            mongod.send(signal.SIGSTOP)
            gone = (
                "dependency_gone",
                "MongoDB does not answer: commands and queries are refused until it does",
            )
            eventually(lambda: both(gone))
            mongod.send(signal.SIGCONT)
            eventually(lambda: both(gone, ("dependency_back", "")))

            eventually(deployment.is_ready)
            with deployment.client("alice") as alice:
                services.answer(500, times=2)
                for _ in range(2):
                    assert [error["code"] for error in alice.analyze()["userErrors"]] == [
                        "SERVICE_UNAVAILABLE"
                    ]
                told = "OpenAI fails call after call: photos are not analysed until it answers again"
                assert _lines(deployment, "serve", "OpenAI") == [("dependency_gone", told)]
                eventually(lambda: alice.analyze()["status"] == "ANALYZED")
                assert _lines(deployment, "serve", "OpenAI") == [
                    ("dependency_gone", told),
                    ("dependency_back", ""),
                ]
