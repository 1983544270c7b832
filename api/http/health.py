"""Health endpoints, open to every caller.

/livez    the process runs; depends on nothing, so that an outage elsewhere never restarts it
/readyz   can it serve: a line for each thing that it depends on, with 503 where one that is required fails;
          `?verbose=1` gives the same as JSON, with versions and how far each read model is behind
/health   the process runs, and its version
"""

import asyncio
import json
import platform
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from projections import NotReady, ReadModelCondition, ReadModels

HEALTH_PATHS = ("/livez", "/readyz", "/health")

_READY_TIMEOUT_SECONDS = 2.0
_UNCACHED = {"Cache-Control": "no-store"}

_log = structlog.get_logger(__name__)


class Check(Struct, frozen=True, kw_only=True):
    """One thing that the service depends on. `problem` says to the operator what is wrong with it, None if nothing is.

    Where one that is required has a problem, the service is not ready; one that is not required is only said.
    """

    name: str
    problem: str | None = None
    is_required: bool = True
    position: int | None = None
    lag: int | None = None

    @property
    def status(self) -> str:
        if self.problem is None:
            return "ok"
        return "failing" if self.is_required else "degraded"

    def line(self) -> str:
        """For people."""
        return f"{self.status:<8}  {self.name}" + (f": {self.problem}" if self.problem else "")

    def to_json(self) -> dict[str, Any]:
        """For programs; positions and lags are in events, and only there where the check has them."""
        shape: dict[str, Any] = {"name": self.name, "status": self.status, "required": self.is_required}
        given = {"problem": self.problem, "position": self.position, "lag": self.lag}
        return shape | {name: value for name, value in given.items() if value is not None}


class Health:
    """The routes. `others` are the checks beside those of the read side, made without waiting for anything."""

    def __init__(
        self, read_models: ReadModels, version: str, commit: str | None, others: Callable[[], Sequence[Check]]
    ) -> None:
        self._read_models = read_models
        self._version = version
        self._commit = commit
        self._others = others
        self._was_ready: bool | None = None

    def routes(self) -> list[Route]:
        endpoints = zip(HEALTH_PATHS, (self._livez, self._readyz, self._health), strict=True)
        return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints]

    async def _livez(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"}, headers=_UNCACHED)

    async def _health(self, _request: Request) -> Response:
        healthy = json.dumps({"status": "healthy", "version": self._version})
        return Response(healthy, media_type="application/json", headers=_UNCACHED)

    async def _readyz(self, request: Request) -> Response:
        checks = [*await self._read_side(), *self._others()]
        failing = [check.line() for check in checks if check.status == "failing"]
        self._note_flip(failing)
        said, status = ("not ready", 503) if failing else ("ready", 200)
        if request.query_params.get("verbose") == "1":
            return JSONResponse(self._verbose(said, checks), status_code=status, headers=_UNCACHED)
        lines = [said, *(check.line() for check in checks)]
        return PlainTextResponse("\n".join(lines) + "\n", status_code=status, headers=_UNCACHED)

    async def _read_side(self) -> list[Check]:
        try:
            async with asyncio.timeout(_READY_TIMEOUT_SECONDS):
                conditions = await self._read_models.conditions()
        except NotReady as error:
            return [Check(name="mongodb", problem=error.message)]
        except TimeoutError:
            return [Check(name="mongodb", problem=f"no answer within {_READY_TIMEOUT_SECONDS:.0f} s")]
        return [Check(name="mongodb"), *(check for one in conditions for check in _checks_of(one))]

    def _verbose(self, said: str, checks: Sequence[Check]) -> dict[str, Any]:
        return {
            "status": said,
            "version": self._version,
            "commit": self._commit,
            "python": platform.python_version(),
            "checks": [check.to_json() for check in checks],
        }

    def _note_flip(self, failing: Sequence[str]) -> None:
        """A line in the log for each change, and for the first answer."""
        is_ready = not failing
        if is_ready is not self._was_ready:
            self._was_ready = is_ready
            write = _log.info if is_ready else _log.error
            write("readiness_changed", is_ready=is_ready, failing=failing)


def _checks_of(model: ReadModelCondition) -> tuple[Check, Check]:
    # Without a projector commands work, and queries answer what the read model last knew.
    stalled = None if model.has_projector else "none keeps it up to date: start `meal-ledger project`"
    return (
        Check(name=f"read model {model.name}", problem=model.problem, position=model.position, lag=model.lag),
        Check(name=f"projector of {model.name}", problem=stalled, is_required=False),
    )
