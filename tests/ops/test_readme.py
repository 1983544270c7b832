"""The front page: the queries that it hands to analysts are run here, on a real log."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from ledger import Meal
from ops.local.env_file import write_env_file
from ops.settings import ServeSettings
from tests.ledger.plates import ALICE, plate, requested, timing
from tests.ops.local.processes import ROOT
from tests.projections.logs import MealLog, meal_log

PAGE = (ROOT / "README.md").read_text()


def block(language: str, beginning: str) -> str:
    """The text of the page's one block in that language that begins so."""
    [found] = re.findall(rf"```{language}\n({re.escape(beginning)}.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def log(mongodb_url: str, mongodb_database: str) -> Iterator[MealLog]:
    with meal_log(mongodb_url, mongodb_database) as log:
        yield log


@pytest.fixture
def events(mongodb_url: str, mongodb_database: str) -> Iterator[Collection[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        yield client[mongodb_database]["meal_ledger_events"]


def confirmed(*names: str) -> Meal:
    """A meal of 195 kcal of rice, 198 kcal of chicken, or both."""
    meal = requested()
    meal.propose(plate(), actor=ALICE)
    meal.confirm([entry.id for entry in meal.entries if entry.name in names], actor=ALICE)
    return meal


def test_daily_calories_leave_out_changed_and_deleted_amounts(
    log: MealLog, events: Collection[dict[str, Any]]
) -> None:
    corrected, moved, deleted = confirmed("rice"), confirmed("chicken"), confirmed("rice", "chicken")
    corrected.update(
        timing=corrected.timing, notes=None, amounts={corrected.entries[0].id: 200.0}, actor=ALICE
    )
    moved.update(timing=timing(datetime(2025, 11, 14, 12, tzinfo=UTC)), notes="late", amounts={}, actor=ALICE)
    deleted.delete(actor=ALICE)
    proposed = requested()
    proposed.propose(plate(), actor=ALICE)
    log.save(corrected, moved, deleted, proposed, requested(), confirmed("rice", "chicken"))

    query = block("javascript", "db.meal_ledger_events.aggregate(")
    pipeline = json.loads(query[query.index("[") : query.rindex("]") + 1])

    assert list(events.aggregate(pipeline)) == [
        {"_id": "2025-11-13", "meals": 2, "kcal": 260.0 + 195.0 + 198.0},
        {"_id": "2025-11-14", "meals": 1, "kcal": 198.0},
    ]


def test_the_history_of_a_meal_is_found_by_its_id(
    log: MealLog, mongodb_url: str, mongodb_database: str, tmp_path: Path
) -> None:
    meal = confirmed("rice")
    log.save(requested(), meal)
    (tmp_path / "var").mkdir()
    write_env_file(tmp_path / "var" / "local.env", {"MONGODB_URL": mongodb_url})
    script = block("python", "from uuid import UUID").replace(
        "00000000-0000-0000-0000-000000000000", str(meal.id)
    )
    script = script.replace("client.meal_ledger.", f"client.{mongodb_database}.")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == [
        "2 MealAnalysisRequested ANALYZING",
        "3 MealAnalyzed ANALYZED",
        "4 MealConfirmed CONFIRMED",
    ]


def test_every_setting_is_in_the_table() -> None:
    table = PAGE.partition("## Settings")[2].partition("## Dependencies")[0]
    named = re.findall(
        r"[A-Z][A-Z0-9_]+[A-Z0-9]", " ".join(re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE))
    )
    assert set(named) == {name.upper() for name in ServeSettings.model_fields}


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+/[\w./]*|[a-z_]+\.md)`", PAGE))))
def test_every_path_that_the_page_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()
