"""A nutrient database that is down costs no plate: the nutrients come later by themselves, and once."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from ops.local.ports import free_port
from tests.adapters.vision_model import plate, said
from tests.fault_server import FaultyServer
from tests.ops.deployment import Deployment, service_env
from tests.ops.local.processes import eventually
from tests.ops.running_service import Client

FOODS = (
    {"name": "white rice", "grams": 150, "state": "COOKED", "confidence": 0.9},
    {"name": "zyxomat", "grams": 200, "state": None, "confidence": 0.9},
)
"""The food table has the first. Only FoodData Central has the second."""

ZYXOMAT = {
    "fdcId": 4711,
    "description": "Zyxomat",
    "dataType": "SR Legacy",
    "foodNutrients": [
        {"nutrientId": number, "value": value}
        for number, value in (
            (1008, 330),
            (1003, 10),
            (1005, 50),
            (1004, 10),
            (1079, 2),
            (2000, 3),
            (1093, 40),
        )
    ],
}
PER_200_G = 660.0
MEAL = """query ($id: ID!) { meal(id: $id) {
    status warnings { code } totals { calories complete }
    entries { name nutrients { calories complete } provenance { source sourceId } } } }"""


@pytest.fixture
def fdc() -> Iterator[FaultyServer]:
    """FoodData Central, down as yet."""
    with FaultyServer() as server:
        server.answer(503, times=None)
        yield server


@pytest.fixture
def deployment(
    mongodb_url: str, mongodb_database: str, fdc: FaultyServer, tmp_path: Path
) -> Iterator[Deployment]:
    """Projectors and two APIs, all of whose other services answer; OpenFoodFacts has no food at all."""
    with FaultyServer() as model, FaultyServer() as products:
        model.answer(json=said(plate(*FOODS)), times=None)
        products.answer(json={"count": 0, "products": []}, times=None)
        env = service_env(mongodb_url, mongodb_database, fdc.port) | {
            "OPENAI_BASE_URL": f"{model.base_url}/v1",
            "USDA_BASE_URL": f"{fdc.base_url}/fdc/v1",
            "OPENFOODFACTS_SEARCH_URL": f"{products.base_url}/search",
            "OPENAI_MAX_RETRIES": "0",
            "ANALYSIS_DEADLINE_SECONDS": "10",
            "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "0.5",
            "NUTRIENTS_RETRY_SECONDS": "0.1",
        }
        with Deployment(env, tmp_path) as running:
            running.init()
            running.launch("project")
            running.launch("serve")
            running.ready()
            port = str(free_port())
            running.launch("serve", PORT=port)
            eventually(lambda: _is_up(port), 60)
            yield running


def test_nutrients_come_when_the_database_is_up_again(
    deployment: Deployment, fdc: FaultyServer, mongodb_url: str, mongodb_database: str
) -> None:
    with deployment.client() as alice:
        analyzed = alice.analyze(at="2025-11-13T12:00:00Z")
        assert (analyzed["status"], analyzed["userErrors"]) == ("ANALYZED", [])
        assert "NUTRIENTS_UNAVAILABLE" in _warnings(analyzed["meal"])
        rice, unknown = analyzed["meal"]["entries"]
        assert rice["nutrients"]["complete"]
        assert (unknown["nutrients"], unknown["provenance"]) == ({"calories": None, "complete": False}, None)
        confirmed = alice.confirm(analyzed["mealId"], rice["id"], unknown["id"])
        before = alice.summary("2025-11-13", confirmed["position"])
        assert before["totals"] == {"calories": rice["nutrients"]["calories"], "complete": False}
        pending = alice.analyze("other.jpg", at="2025-11-14T12:00:00Z")

        fdc.clear()
        # So late that as a rule both processes search by then: only one of them may append what it finds.
        fdc.answer(json={"foods": [ZYXOMAT]}, delay=1.0, times=None)

        for meal_id in (analyzed["mealId"], pending["mealId"]):
            eventually(partial(_is_complete, alice, meal_id), 60)
        meal = alice.ask(MEAL, id=analyzed["mealId"])["meal"]
        assert meal["status"] == "CONFIRMED"
        assert "NUTRIENTS_UNAVAILABLE" not in _warnings(meal)
        filled = meal["entries"][1]
        assert filled["nutrients"] == {"calories": PER_200_G, "complete": True}
        assert filled["provenance"] == {"source": "USDA", "sourceId": "4711"}
        sums = {"calories": pytest.approx(rice["nutrients"]["calories"] + PER_200_G), "complete": True}
        assert meal["totals"] == sums
        eventually(lambda: alice.summary("2025-11-13")["totals"]["complete"], 30)
        assert alice.summary("2025-11-13")["totals"] == sums
        assert alice.summary("2025-11-14")["pendingCount"] == 1

    with MongoClient[dict[str, Any]](mongodb_url) as client:
        events = client[mongodb_database]["meal_ledger_events"]
        completed = list(events.find({"topic": "MealNutrientsCompleted"}))
    assert len(completed) == len({event["originator_id"] for event in completed}) == 2
    assert {event["state"]["actor"] for event in completed} == {"system"}


def _is_up(port: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _is_complete(client: Client, meal_id: str) -> bool:
    return bool(client.ask(MEAL, id=meal_id)["meal"]["totals"]["complete"])


def _warnings(meal: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in meal["warnings"]]
