"""The smoke tests of a deployment: one person's way from a photo to the daily summary, over HTTP.

They leave one confirmed meal in the diary of the token's user.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TypeVar

import httpx
import msgspec
import typer

from ops import smoke_answers as answers
from ops.errors import OperatorError
from ops.redaction import redact_text

PHOTO_URL = "https://example.com/test.jpg"
_TIMEOUT_SECONDS = 60.0  # an analysis may take its whole deadline

_INTROSPECTION = "{ __schema { queryType { name } } }"
_ANALYZE = """mutation ($url: String!) { analyzeMealPhoto(photoUrl: $url) {
    mealId status position userErrors { code message } meal { localDate entries { id } } } }"""
_CONFIRM = """mutation ($id: ID!, $entries: [ID!]!) { confirmMealAnalysis(mealId: $id, confirmedEntryIds: $entries) {
    confirmedCount rejectedCount position userErrors { code message } meal { id status } } }"""
_SUMMARY = """query ($date: Date!, $position: Position) {
    dailySummary(date: $date, minPosition: $position) { mealCount } }"""
_MEAL = "query ($id: ID!, $position: Position) { meal(id: $id, minPosition: $position) { id status } }"

Answer = TypeVar("Answer")


class BadToken(OperatorError):
    """The text given cannot be a token."""


class UnexpectedAnswer(Exception):
    """A check failed; the message shows the response."""


@dataclass(frozen=True)
class Check:
    """The result of one check. `detail` shows the response, if it failed."""

    name: str
    ok: bool
    milliseconds: int
    detail: str = ""


def report_as_lines(url: str, token: str) -> bool:
    """Run the checks and print a line for each as it ends; whether all went well."""
    passed = True
    for check in run_checks(url, token):
        word = "ok" if check.ok else "failed"
        typer.echo(f"{word:<6} {check.name:<14} {check.milliseconds:>6} ms  {check.detail}".rstrip())
        passed = passed and check.ok
    return passed


def report_as_json(url: str, token: str) -> bool:
    """Run the checks and print them as JSON; whether all went well."""
    checks = list(run_checks(url, token))
    passed = all(check.ok for check in checks)
    typer.echo(json.dumps({"ok": passed, "checks": [asdict(check) for check in checks]}, indent=2))
    return passed


def run_checks(url: str, token: str) -> Iterator[Check]:
    """Run one check after the other, up to the first that fails. `url` may end in /graphql, or not.

    Raises BadToken, before anything is sent, for what cannot be a token.
    """
    _check_token(token)
    way = _Way(url.rstrip("/").removesuffix("/graphql"), token)
    for name, step in way.steps():
        started = time.monotonic()
        detail = _trouble(step)
        yield Check(name, not detail, round((time.monotonic() - started) * 1000), detail)
        if detail:
            return


def _check_token(token: str) -> None:
    if not token:
        raise BadToken("the token is empty: did the command that should print it fail?")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise BadToken(
            "the token holds a space, or a character that no token has: was all of it pasted, and nothing else?"
        )


def _trouble(step: Callable[[], None]) -> str:
    """What went wrong in a step, on one line; empty if nothing did."""
    try:
        step()
    except UnexpectedAnswer as error:
        trouble = str(error)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        trouble = f"no answer: {type(error).__name__}: {error}"
    else:
        return ""
    return redact_text(" ".join(trouble.split()))[:400]


class _Way:
    """The checks, each of which uses the results of the one before."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base
        self._headers = {"Authorization": f"Bearer {token}"}
        self._meal_id = ""
        self._entries: list[str] = []
        self._date = ""
        self._position: str | None = None
        self._meals_before = 0

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        return [
            ("health", self._health),
            ("introspection", self._introspection),
            ("analyze photo", self._analyze),
            ("confirm meal", self._confirm),
            ("daily summary", self._summary),
            ("read the meal", self._meal),
        ]

    def _health(self) -> None:
        response = httpx.get(f"{self._base}/health", timeout=_TIMEOUT_SECONDS)
        health = _decoded(response, response.content, answers.Health)
        _expect(
            response.status_code == httpx.codes.OK and health.status == "healthy",
            "the service is not well",
            health,
        )
        _expect(health.version, "there is no version", health)

    def _introspection(self) -> None:
        data = self._query(_INTROSPECTION, answers.Introspection)
        _expect(data.schema.query_type.name == "Query", "the query type is not Query", data)

    def _analyze(self) -> None:
        analysis = self._query(_ANALYZE, answers.AnalyzeMealPhoto, url=PHOTO_URL).analyze_meal_photo
        _expect(analysis.status == "ANALYZED", "the meal is not ANALYZED", analysis)
        if not (analysis.meal_id and analysis.position and analysis.meal and analysis.meal.entries):
            raise UnexpectedAnswer(f"a meal with entries and a position is missing: {_shown(analysis)}")
        self._meal_id = analysis.meal_id
        self._entries = [entry.id for entry in analysis.meal.entries]
        self._date = analysis.meal.local_date
        self._position = analysis.position
        self._meals_before = self._meal_count()

    def _confirm(self) -> None:
        data = self._query(_CONFIRM, answers.ConfirmMealAnalysis, id=self._meal_id, entries=self._entries)
        confirmation = data.confirm_meal_analysis
        _expect(not confirmation.user_errors, "the confirmation is refused", confirmation)
        confirmed = answers.MealState(id=self._meal_id, status="CONFIRMED")
        _expect(confirmation.meal == confirmed, "the meal is not CONFIRMED", confirmation)
        counts = (confirmation.confirmed_count, confirmation.rejected_count)
        _expect(counts == (len(self._entries), 0), "not every entry is confirmed", confirmation)
        _expect(confirmation.position, "there is no position", confirmation)
        self._position = confirmation.position

    def _summary(self) -> None:
        count = self._meal_count()
        _expect(count > self._meals_before, "the confirmed meal is not in the summary", {"mealCount": count})

    def _meal_count(self) -> int:
        data = self._query(_SUMMARY, answers.DailySummary, date=self._date, position=self._position)
        return data.daily_summary.meal_count

    def _meal(self) -> None:
        data = self._query(_MEAL, answers.Meal, id=self._meal_id, position=self._position)
        confirmed = answers.MealState(id=self._meal_id, status="CONFIRMED")
        _expect(data.meal == confirmed, "the confirmed meal cannot be read", data)

    def _query(self, text: str, kind: type[Answer], **variables: object) -> Answer:
        response = httpx.post(
            f"{self._base}/graphql",
            json={"query": text, "variables": variables},
            headers=self._headers,
            timeout=_TIMEOUT_SECONDS,
        )
        answer = _decoded(response, response.content, answers.GraphQLAnswer)
        if response.status_code != httpx.codes.OK or not answer.is_good:
            raise UnexpectedAnswer(f"HTTP {response.status_code}: {response.text}")
        return _decoded(response, answer.data, kind)


def _decoded(response: httpx.Response, content: bytes | msgspec.Raw, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"HTTP {response.status_code}, {error}: {response.text}") from None


def _expect(truth: object, what: str, got: object) -> None:
    if not truth:
        raise UnexpectedAnswer(f"{what}: {_shown(got)}")


def _shown(got: object) -> str:
    return msgspec.json.encode(got).decode()
