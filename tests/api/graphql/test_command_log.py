"""The line of each command in the log."""

from typing import Any

import pytest
import structlog

from ledger import (
    AnalysisReport,
    LedgerError,
    MealNotFound,
    ModelRun,
    NoFoodRecognized,
    ServiceUnavailable,
    TokenUsage,
)
from tests.api.client import GraphQLClient
from tests.api.ports import Diary, InMemoryCommands

ANALYZE = 'mutation { analyzeMealPhoto(photoUrl: "https://example.com/test.jpg") { status } }'
DELETE = "mutation ($id: ID!) { deleteMeal(mealId: $id) { position } }"
MEAL_ID = "00000000-0000-4000-8000-000000000001"


async def _line(person: GraphQLClient, document: str, **variables: object) -> dict[str, Any]:
    with structlog.testing.capture_logs() as logs:
        await person.data(document, **variables)
    [line] = [line for line in logs if line["event"] == "command_handled"]
    assert line.pop("duration_ms") >= 0
    return dict(line)


async def test_an_analysis_says_its_model_cost_and_steps(
    alice: GraphQLClient, commands: InMemoryCommands, diary: Diary
) -> None:
    run = ModelRun(
        model="vision-1",
        prompt_version="1",
        tokens=TokenUsage(input=1, cached=None, written=None, output=1),
        cost=0.002,
        cost_currency="USD",
        price_table="2026-11",
    )
    commands.analysis_report = AnalysisReport(run=run, steps={"recognize": 900, "search": 5})
    line = await _line(alice, ANALYZE)
    [meal] = diary.meals
    assert line == {
        "event": "command_handled",
        "log_level": "info",
        "operation": "analyzeMealPhoto",
        "codes": [],
        "meal_id": meal,
        "status": "ANALYZED",
        "model": "vision-1",
        "cost": 0.002,
        "currency": "USD",
        "recognize_ms": 900,
        "search_ms": 5,
    }


@pytest.mark.parametrize(
    ("error", "level"),
    [(NoFoodRecognized("No food."), "info"), (ServiceUnavailable("Down."), "warning")],
)
async def test_a_failed_analysis_is_visible_with_its_code(
    alice: GraphQLClient, commands: InMemoryCommands, error: LedgerError, level: str
) -> None:
    commands.analysis_error = error
    commands.analysis_report = AnalysisReport(run=None, steps={"recognize": 900})
    line = await _line(alice, ANALYZE)
    assert (line["codes"], line["status"], line["log_level"]) == ([error.code], "FAILED", level)
    assert "model" not in line


@pytest.mark.parametrize(("sent", "logged"), [(MEAL_ID, MEAL_ID), ("alice's\nsecret", None)])
async def test_a_rejected_command_is_visible_with_its_code(
    alice: GraphQLClient, diary: Diary, sent: str, logged: str | None
) -> None:
    diary.raises = MealNotFound()
    assert await _line(alice, DELETE, id=sent) == {
        "event": "command_handled",
        "log_level": "info",
        "operation": "deleteMeal",
        "codes": ["MEAL_NOT_FOUND"],
        "meal_id": logged,
    }
