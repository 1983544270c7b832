"""The whole service as processes of its own, and a client that speaks to it as apps do."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from ops.local.ports import free_port
from tests.ops.local.processes import ROOT, eventually

_INHERITED = ("PATH", "HOME")


def start(module: str, *arguments: str, env: Mapping[str, str], output: Path) -> subprocess.Popen[bytes]:
    """`python -m module` in a session of its own, with that environment and hardly anything else."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    with output.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=inherited | dict(env),
            start_new_session=True,
            cwd=ROOT,
        )


def meal_ledger(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One short command, run to its end."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=inherited | dict(env),
        cwd=ROOT,
        check=False,
    )


class Client:
    """One person's app."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=40)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, document: str, **variables: object) -> dict[str, Any]:
        """The data that answers; an entry in `errors` fails the test."""
        response = self._http.post("/graphql", json={"query": document, "variables": variables})
        answer: dict[str, Any] = response.json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def analyze(self, photo: str = "test.jpg", **arguments: object) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask(
            """mutation ($photo: String!, $key: String, $hint: String, $at: DateTime, $zone: String) {
                analyzeMealPhoto(
                    photoUrl: $photo, idempotencyKey: $key, dishHint: $hint, eatenAt: $at, timeZone: $zone
                ) {
                    mealId status position userErrors { code message field }
                    meal { localDate timeZone mealType
                           entries { id name quantityG nutrients { calories complete }
                           provenance { source sourceId dataType } } totals { calories complete } warnings { code } }
                }
            }""",
            photo=f"https://example.com/{photo}",
            **arguments,
        )["analyzeMealPhoto"]
        return answer

    def confirm(self, meal_id: str, *entry_ids: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask(
            """mutation ($id: ID!, $entries: [ID!]!) {
                confirmMealAnalysis(mealId: $id, confirmedEntryIds: $entries) {
                    confirmedCount rejectedCount position userErrors { code field } meal { status totals { calories } }
                }
            }""",
            id=meal_id,
            entries=entry_ids,
        )["confirmMealAnalysis"]
        return answer

    def summary(self, date: str, position: str | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask(
            """query ($date: Date!, $position: Position) {
                dailySummary(date: $date, minPosition: $position) {
                    mealCount pendingCount totals { calories complete }
                    breakdown { mealType mealCount totals { calories } }
                }
            }""",
            date=date,
            position=position,
        )["dailySummary"]
        return answer

    def status(self, meal_id: str, position: str | None = None) -> str | None:
        meal = self.ask(
            "query ($id: ID!, $position: Position) { meal(id: $id, minPosition: $position) { status } }",
            id=meal_id,
            position=position,
        )["meal"]
        return None if meal is None else str(meal["status"])


class LocalEnvironment:
    """What `make run` starts, on a port and a folder of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.output = data.parent / f"{data.name}.output"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a command finds it."""
        return {"DATA": str(self.data)}

    def __enter__(self) -> Self:
        self._process = start(
            "ops.local.environment", "--port", str(self.port), "--data", str(self.data),
            env={}, output=self.output,
        )  # fmt: skip
        process = self._process
        eventually(lambda: "Ctrl-C stops" in self.output.read_text() or process.poll() is not None, 90)
        assert process.poll() is None, self.output.read_text()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(90) == 0, self.output.read_text()

    def token(self, user: str) -> str:
        token = meal_ledger("token", "--user", user, env=self.env)
        assert token.returncode == 0, token.stderr
        return token.stdout.strip()

    def client(self, user: str) -> Client:
        return Client(self.url, self.token(user))
