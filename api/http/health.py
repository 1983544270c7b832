"""Health endpoints, open to every caller.

/livez    the process runs; depends on nothing, so that an outage elsewhere never restarts it
/readyz   MongoDB answers and every read model can be read and its projector is alive: 200, else 503 with the reason;
          "degraded" lists outside services that only the operator can mend, without which it is ready all the same
/health   the process runs, and its version
"""

import asyncio
import json
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from projections import NotReady, ReadModels

HEALTH_PATHS = ("/livez", "/readyz", "/health")

_READY_TIMEOUT_SECONDS = 2.0


def health_routes(
    read_models: ReadModels, version: str, degraded: Callable[[], Sequence[str]]
) -> list[Route]:
    """The routes. `degraded` says what is wrong with outside services, a sentence each."""
    healthy = json.dumps({"status": "healthy", "version": version})

    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        try:
            async with asyncio.timeout(_READY_TIMEOUT_SECONDS):
                await read_models.check_ready()
        except NotReady as error:
            return _not_ready(error.message)
        except TimeoutError:
            return _not_ready(f"The database did not answer within {_READY_TIMEOUT_SECONDS:.0f} s.")
        wrong = degraded()
        return JSONResponse({"status": "ready"} | ({"degraded": list(wrong)} if wrong else {}))

    async def health(_request: Request) -> Response:
        return Response(healthy, media_type="application/json")

    endpoints = zip(HEALTH_PATHS, (livez, readyz, health), strict=True)
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints]


def _not_ready(reason: str) -> Response:
    return JSONResponse({"status": "not ready", "reason": reason}, status_code=503)
