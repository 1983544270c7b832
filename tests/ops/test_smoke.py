"""The smoke tests find a broken deployment, and name the fault."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ops.smoke import PHOTO_URL, BadToken, report_as_json, report_as_lines, run_checks
from tests.fault_server import FaultyServer

ENTRIES = ["e1", "e2"]


def good_answers() -> dict[str, dict[str, Any]]:
    """The responses of a healthy deployment, in order."""
    analysis = {
        "mealId": "m1",
        "status": "ANALYZED",
        "position": "p2",
        "userErrors": [],
        "meal": {"localDate": "2026-11-22", "entries": [{"id": entry} for entry in ENTRIES]},
    }
    confirmation = {
        "confirmedCount": 2,
        "rejectedCount": 0,
        "position": "p3",
        "userErrors": [],
        "meal": {"id": "m1", "status": "CONFIRMED"},
    }
    return {
        "health": {"status": "healthy", "version": "1.2.3"},
        "introspection": {"data": {"__schema": {"queryType": {"name": "Query"}}}},
        "analyze": {"data": {"analyzeMealPhoto": analysis}},
        "before": {"data": {"dailySummary": {"mealCount": 4}}},
        "confirm": {"data": {"confirmMealAnalysis": confirmation}},
        "summary": {"data": {"dailySummary": {"mealCount": 5}}},
        "meal": {"data": {"meal": {"id": "m1", "status": "CONFIRMED"}}},
    }


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def script(server: FaultyServer, answers: dict[str, dict[str, Any]]) -> None:
    for answer in answers.values():
        server.answer(json=answer)


@pytest.mark.parametrize("ending", ["", "/", "/graphql"])
def test_a_healthy_deployment_passes(
    server: FaultyServer, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    script(server, good_answers())
    assert report_as_lines(f"{server.base_url}{ending}", "t0ken")
    lines = capsys.readouterr().out.splitlines()
    names = ["health", "introspection", "analyze photo", "confirm meal", "daily summary", "read the meal"]
    assert [line.split(maxsplit=1)[1].rsplit(maxsplit=2)[0].strip() for line in lines] == names
    assert all(line.startswith("ok ") and line.endswith(" ms") for line in lines)


def test_it_asks_for_what_it_was_answered(server: FaultyServer) -> None:
    script(server, good_answers())
    assert all(check.ok for check in run_checks(server.base_url, "t0ken"))
    health, *queries = server.requests
    assert health.path == "/health"
    assert "authorization" not in health.headers
    assert {query.path for query in queries} == {"/graphql"}
    assert {query.headers["authorization"] for query in queries} == {"Bearer t0ken"}
    assert [query.json()["variables"] for query in queries] == [
        {},
        {"url": PHOTO_URL},
        {"date": "2026-11-22", "position": "p2"},
        {"id": "m1", "entries": ENTRIES},
        {"date": "2026-11-22", "position": "p3"},
        {"id": "m1", "position": "p3"},
    ]


WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("health", "health", {"status": "degraded", "version": "1"}),
    ("health", "health", {"status": "healthy"}),
    ("health", "health", {"status": "healthy", "version": ""}),
    ("introspection", "introspection", {"data": {"__schema": {"queryType": {"name": "Root"}}}}),
    ("introspection", "introspection", {"errors": [{"message": "not allowed"}]}),
    (
        "analyze photo",
        "analyze",
        {"data": {"analyzeMealPhoto": {"status": "FAILED", "mealId": "m1", "userErrors": []}}},
    ),
    (
        "analyze photo",
        "analyze",
        {
            "data": {
                "analyzeMealPhoto": {"status": "ANALYZED", "mealId": "m1", "position": "p", "userErrors": []}
            }
        },
    ),
    ("analyze photo", "analyze", {"data": None, "errors": [{"message": "INTERNAL"}]}),
    (
        "confirm meal",
        "confirm",
        {"data": {"confirmMealAnalysis": {"userErrors": [{"code": "INVALID_STATE", "message": "no"}]}}},
    ),
    ("daily summary", "summary", {"data": {"dailySummary": {"mealCount": 4}}}),
    ("daily summary", "summary", {"data": {"dailySummary": None}}),
    ("read the meal", "meal", {"data": {"meal": None}}),
    ("read the meal", "meal", {"data": {"meal": {"id": "m1", "status": "ANALYZED"}}}),
]


@pytest.mark.parametrize(("name", "step", "answer"), WRONG)
def test_a_wrong_answer_fails_its_check_and_ends_the_run(
    server: FaultyServer, capsys: pytest.CaptureFixture[str], name: str, step: str, answer: dict[str, Any]
) -> None:
    script(server, good_answers() | {step: answer})
    assert not report_as_json(server.base_url, "t0ken")
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    *passed, failed = report["checks"]
    assert all(check["ok"] for check in passed)
    assert failed["name"] == name
    assert failed["detail"]
    assert "\n" not in failed["detail"]


@pytest.mark.parametrize(
    "change", [{"confirmedCount": 1}, {"rejectedCount": 1}, {"position": None}, {"meal": None}]
)
def test_a_half_confirmed_meal_fails(server: FaultyServer, change: dict[str, Any]) -> None:
    answers = good_answers()
    answers["confirm"]["data"]["confirmMealAnalysis"] |= change
    script(server, answers)
    *_, last = run_checks(server.base_url, "t0ken")
    assert (last.name, last.ok) == ("confirm meal", False)


def test_an_error_status_is_shown_with_its_text(server: FaultyServer) -> None:
    server.answer(json=good_answers()["health"])
    server.answer(401, json={"errors": [{"message": "The token has expired."}]})
    *_, last = run_checks(server.base_url, "t0ken")
    assert not last.ok
    assert last.detail.startswith("HTTP 401")
    assert "The token has expired." in last.detail


def test_an_answer_that_is_no_json_is_shown(server: FaultyServer) -> None:
    server.answer(502, body="<html>Bad\n gateway</html>")
    [check] = run_checks(server.base_url, "t0ken")
    assert "HTTP 502" in check.detail
    assert "<html>Bad gateway</html>" in check.detail


def test_no_answer_at_all_fails(server: FaultyServer) -> None:
    server.reset()
    [check] = run_checks(server.base_url, "t0ken")
    assert check.detail.startswith("no answer: ")


@pytest.mark.parametrize("url", ["nowhere", "http://", "http://127.0.0.1:1", "http://[bad"])
def test_a_url_that_leads_nowhere_fails(url: str) -> None:
    [check] = run_checks(url, "t0ken")
    assert check.detail.startswith("no answer: ")


def test_an_empty_token_is_said_to_be_empty(server: FaultyServer) -> None:
    with pytest.raises(BadToken, match=r"^the token is empty: "):
        report_as_lines(server.base_url, "")
    assert not server.requests


@pytest.mark.parametrize("token", ["tøken", "to ken", "token\n", "to\x00ken", " "])
def test_a_token_that_cannot_be_one_is_refused(server: FaultyServer, token: str) -> None:
    with pytest.raises(BadToken, match="was all of it pasted"):
        report_as_json(server.base_url, token)
    assert not server.requests
