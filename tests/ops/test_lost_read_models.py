"""A read model that is lost under the running service: errors while it is rebuilt, and never an empty diary."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from ops.local.env_file import read_env_file
from tests.ops.local.processes import eventually
from tests.ops.running_service import LocalEnvironment, meal_ledger

_SUMMARY = {"query": '{ dailySummary(date: "2025-11-13") { mealCount pendingCount } }'}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with LocalEnvironment(tmp_path_factory.mktemp("service") / "data") as running:
        yield running


@pytest.fixture
def database(service: LocalEnvironment) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](read_env_file(service.data / "local.env")["MONGODB_URL"]) as client:
        yield client["meal_ledger"]


def test_a_dropped_read_model_is_rebuilt_and_never_empty(
    service: LocalEnvironment, database: Database[dict[str, Any]]
) -> None:
    token = meal_ledger("token", "--user", "alice", env=service.env).stdout.strip()
    with service.client("alice") as alice:
        analyzed = alice.analyze(at="2025-11-13T12:00:00Z")
        expected = alice.summary("2025-11-13", analyzed["position"])
        assert expected["pendingCount"] == 1
    generations = [_generation(database, storage) for storage in ("meals_v2", "daily_summaries_v2")]

    database.drop_collection("daily_summaries_v2")
    database.drop_collection("meals_v2")

    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {token}"}) as http:
        until = time.monotonic() + 30
        while True:
            rebuilt = [_generation(database, storage) for storage in ("meals_v2", "daily_summaries_v2")]
            answer = http.post("/graphql", json=_SUMMARY).json()
            if "errors" in answer:
                assert [error["extensions"]["code"] for error in answer["errors"]] == ["SERVICE_UNAVAILABLE"]
            else:
                assert answer["data"]["dailySummary"] == {"mealCount": 0, "pendingCount": 1}
            if None not in rebuilt and "errors" not in answer:
                break
            assert time.monotonic() < until, "the read models were not rebuilt"
        assert not set(rebuilt) & set(generations)
        eventually(lambda: http.get("/readyz").status_code == 200)
    assert "history" in database["meals_v2"].index_information()
    log = (service.data / "logs" / "projectors.log").read_text()
    for storage in ("meals_v2", "daily_summaries_v2"):
        [_at_the_start, line] = [
            line for line in log.splitlines() if "read_model_rebuild_started" in line and storage in line
        ]
        assert json.loads(line).items() >= {"level": "warning", "reason": "missing", "head": 2}.items()


def _generation(database: Database[dict[str, Any]], storage: str) -> str | None:
    found = database[storage].find_one({"_id": {"checkpoint": storage}})
    return None if found is None else str(found["generation"])
