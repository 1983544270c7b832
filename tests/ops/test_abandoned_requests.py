"""Requests whose clients left while the service or its database stood still: dropped, and no client waits for them."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pymongo import MongoClient

from ops.local.mongod import LocalMongod
from ops.stand_ins.food_services import food_services_app
from tests.fault_server import FaultyServer
from tests.ops.deployment import Deployment, service_env
from tests.ops.local.processes import eventually

ABANDONED = 120
ANALYZE = (
    'mutation { analyzeMealPhoto(photoUrl: "https://example.com/plate.jpg") { status userErrors { code } } }'
)


class Service:
    """A deployment on a MongoDB of its own, with a model that counts its calls."""

    def __init__(self, deployment: Deployment, mongod: LocalMongod, model: FaultyServer) -> None:
        self._deployment = deployment
        self.mongod = mongod
        self._model = model
        self.projectors = deployment.launch("project")
        self.api = deployment.launch("serve")
        self.url = deployment.url
        self.token, self.client = deployment.token, deployment.client

    def abandon(self, token: str) -> None:
        """Send whole requests, and leave without their answers."""
        body = json.dumps({"query": ANALYZE})
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        for _ in range(ABANDONED):
            with socket.create_connection(
                ("127.0.0.1", int(self._deployment.env["PORT"])), timeout=30
            ) as connection:
                connection.sendall((head + body).encode())

    def requests_over(self) -> int:
        """How many GraphQL requests have left their line in the log."""
        log = self._deployment.output("serve").read_text()
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        return sum(line["event"] == "http_request" and line["path"] == "/graphql" for line in lines)

    def model_calls(self) -> int:
        return sum(request.path.endswith("/responses") for request in self._model.requests)

    def topics(self) -> list[str]:
        with MongoClient[dict[str, Any]](self.mongod.url) as client:
            events = client["meal_ledger"]["meal_ledger_events"]
            return [event["topic"] for event in events.find().sort("_id")]


@contextmanager
def _running(folder: Path, *, analysis_seconds: int = 30) -> Iterator[Service]:
    with LocalMongod(folder / "db") as mongod, FaultyServer(food_services_app()) as model:
        env = service_env(mongod.url, "meal_ledger", model.port)
        env["ANALYSIS_DEADLINE_SECONDS"] = str(analysis_seconds)
        with Deployment(env, folder) as deployment:
            deployment.init()
            service = Service(deployment, mongod, model)
            deployment.ready()
            try:
                yield service
            finally:
                mongod.send(signal.SIGCONT)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with _running(tmp_path) as running:
        yield running


def test_requests_abandoned_while_the_service_is_frozen_leave_no_trace(service: Service) -> None:
    token = service.token("alice")
    with _frozen(service.api):
        service.abandon(token)
    with service.client("bob") as bob:
        assert bob.analyze()["status"] == "ANALYZED"
    eventually(lambda: service.requests_over() == ABANDONED + 1)
    assert service.model_calls() == 1
    assert service.topics() == ["MealAnalysisRequested", "MealAnalyzed"]


def test_requests_abandoned_while_the_database_is_frozen_reach_no_model(service: Service) -> None:
    token = service.token("alice")
    with service.client("bob") as bob:
        service.mongod.send(signal.SIGSTOP)
        service.abandon(token)
        assert bob.ask("{ __typename }") == {"__typename": "Query"}  # so the API has all that came before
        service.mongod.send(signal.SIGCONT)
        assert bob.analyze()["status"] == "ANALYZED"
    eventually(lambda: service.requests_over() == ABANDONED + 2)
    assert service.model_calls() == 1
    topics = service.topics()
    assert topics.count("MealAnalysisRequested") < ABANDONED // 2
    assert topics.count("MealAnalysisRequested") == topics.count("MealAnalysisFailed") + 1


def test_no_request_outlasts_its_deadline_while_the_database_is_frozen(tmp_path: Path) -> None:
    with _running(tmp_path, analysis_seconds=3) as service, ThreadPoolExecutor() as pool:
        token = service.token("alice")
        service.mongod.send(signal.SIGSTOP)
        delete = f'mutation {{ deleteMeal(mealId: "{uuid4()}") {{ userErrors {{ code }} }} }}'
        documents = (ANALYZE, delete, "{ mealHistory { edges { cursor } } }")
        analyzed, deleted, history = pool.map(lambda text: _post(service.url, token, text), documents)
        for answer in (*analyzed["data"].values(), *deleted["data"].values()):
            assert [error["code"] for error in answer["userErrors"]] == ["SERVICE_UNAVAILABLE"]
        assert [error["extensions"]["code"] for error in history["errors"]] == ["SERVICE_UNAVAILABLE"]


def _post(url: str, token: str, document: str) -> dict[str, Any]:
    """The answer; a client of ours would wait for it much longer than a request lasts, but not as long as the store."""
    response = httpx.post(
        f"{url}/graphql", json={"query": document}, headers={"Authorization": f"Bearer {token}"}, timeout=25
    )
    answer: dict[str, Any] = response.json()
    return answer


@contextmanager
def _frozen(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The process stands still for as long as the block lasts."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
