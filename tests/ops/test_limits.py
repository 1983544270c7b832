"""The limits of analyses in a running service: what is refused costs no call of the model, and all else goes on."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ops.stand_ins.food_services import food_services_app
from ops.stand_ins.model_service import LOCAL_MODEL
from tests.fault_server import FaultyServer
from tests.ops.deployment import Deployment, service_env
from tests.ops.local.processes import eventually

AT_ONCE = 3
RATES = {"input": 1.0, "cached": 1.0, "written": 1.0, "output": 1.0}
PRICES = {"version": "2026-11", "currency": "USD", "models": {LOCAL_MODEL: RATES, "gpt-5.4-mini": RATES}}


@contextmanager
def _service(
    folder: Path, mongodb_url: str, database: str, **settings: str
) -> Iterator[tuple[Deployment, FaultyServer]]:
    with FaultyServer(food_services_app()) as model:
        env = service_env(mongodb_url, database, model.port) | {"ANALYSIS_DEADLINE_SECONDS": "30"} | settings
        with Deployment(env, folder) as deployment:
            deployment.init()
            deployment.launch("project")
            deployment.launch("serve")
            deployment.ready()
            yield deployment, model


def _model_calls(model: FaultyServer) -> int:
    return sum(request.path.endswith("/responses") for request in model.requests)


def _codes(answer: dict[str, Any]) -> list[str]:
    return [error["code"] for error in answer["userErrors"]]


def test_one_person_has_three_analyses_at_once_and_others_theirs(
    tmp_path: Path, mongodb_url: str, mongodb_database: str
) -> None:
    with (
        _service(tmp_path, mongodb_url, mongodb_database, ANALYSES_AT_ONCE=str(AT_ONCE)) as (
            deployment,
            model,
        ),
        deployment.client("alice") as alice,
        deployment.client("bob") as bob,
        ThreadPoolExecutor(50) as pool,
    ):
        meal = alice.analyze()
        for _ in range(AT_ONCE):
            model.pass_through(delay=8)
        asked: list[Future[dict[str, Any]]] = [pool.submit(alice.analyze) for _ in range(40)]
        eventually(lambda: _model_calls(model) == 1 + AT_ONCE)
        assert bob.analyze()["status"] == "ANALYZED"
        assert alice.confirm(meal["mealId"], meal["meal"]["entries"][0]["id"])["confirmedCount"] == 1
        under_way = [answer for answer in asked if not answer.done()]
        assert len(under_way) >= AT_ONCE  # so neither waited for them
        answers = [answer.result() for answer in asked]
    assert sum(answer["status"] == "ANALYZED" for answer in answers) == AT_ONCE
    assert sum(_codes(answer) == ["RATE_LIMITED"] for answer in answers) == 40 - AT_ONCE
    assert _model_calls(model) == 2 + AT_ONCE


def test_at_the_ceiling_of_cost_only_analyses_are_off(
    tmp_path: Path, mongodb_url: str, mongodb_database: str
) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps(PRICES))
    settings = {"OPENAI_PRICES_FILE": str(prices), "OPENAI_MAX_COST_PER_HOUR": "0.000001"}
    with (
        _service(tmp_path, mongodb_url, mongodb_database, **settings) as (deployment, model),
        deployment.client("alice") as alice,
    ):
        meal = alice.analyze()
        refused = [alice.analyze(), alice.analyze()]
        assert [_codes(answer) for answer in refused] == [["SERVICE_UNAVAILABLE"]] * 2
        assert _model_calls(model) == 1
        assert deployment.is_ready()
        assert alice.confirm(meal["mealId"], meal["meal"]["entries"][0]["id"])["confirmedCount"] == 1
        lines = [
            json.loads(line) for line in deployment.output("serve").read_text().splitlines() if line[0] == "{"
        ]
    [off] = [line for line in lines if line["event"] == "analyses_turned_off"]
    assert (off["level"], off["setting"]) == ("error", "OPENAI_MAX_COST_PER_HOUR")
