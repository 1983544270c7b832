"""The local food services: one small HTTP server on loopback that stands in for OpenAI, USDA and OpenFoodFacts.

    python -m ops.stand_ins.food_services --port 8010      # serves until SIGTERM or SIGINT

    with LocalFoodServices() as services:              # in this process, on a free port
        OpenAI(base_url=services.openai_base_url, api_key="local")

It speaks their protocols, so that the production clients work unchanged. Every answer has the header
`X-Local-Environment: true`.
"""

import argparse
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.stand_ins.fdc_service import FdcService
from ops.stand_ins.model_service import ModelService
from ops.stand_ins.openfoodfacts_service import OpenFoodFactsService

_LOOPBACK = "127.0.0.1"
_OPENAI = "/openai/v1"
_USDA = "/fdc/v1"
_OPENFOODFACTS = "/off"
_LIMIT_SECONDS = 30.0


class _Marked:
    """Says on every answer that it comes from the local environment."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Local-Environment"] = "true"
            await send(message)

        await self._app(scope, receive, marked)


async def _livez(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def food_services_app() -> ASGIApp:
    """The services as one ASGI application."""
    return _Marked(
        Starlette(
            routes=[
                Route("/livez", _livez),
                Mount(_OPENAI, routes=ModelService().routes),
                Mount(_USDA, routes=FdcService().routes),
                Mount(_OPENFOODFACTS, routes=OpenFoodFactsService().routes),
            ]
        )
    )


class FoodServiceAddresses:
    """Where the local food services answer when they listen on this port."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def url(self) -> str:
        return f"http://{_LOOPBACK}:{self.port}"

    @property
    def openai_base_url(self) -> str:
        """For the setting OPENAI_BASE_URL."""
        return f"{self.url}{_OPENAI}"

    @property
    def usda_base_url(self) -> str:
        """For the setting USDA_BASE_URL: the part before `/foods/search`."""
        return f"{self.url}{_USDA}"

    @property
    def openfoodfacts_base_url(self) -> str:
        """For the setting OPENFOODFACTS_BASE_URL: the part before `/api/v2/product`."""
        return f"{self.url}{_OPENFOODFACTS}"

    @property
    def openfoodfacts_search_url(self) -> str:
        """For the setting OPENFOODFACTS_SEARCH_URL: the whole address of the v1 text search."""
        return f"{self.url}{_OPENFOODFACTS}/cgi/search.pl"


class LocalFoodServices(FoodServiceAddresses):
    """The services in a thread of this process. Port 0: a free one, known after `start`."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> Self:
        """Serve; returns when connections are accepted. Raises OSError when the port is taken."""
        listener = _listen(self.port)
        self.port = listener.getsockname()[1]
        self._server = server = _Server(_config())
        self._thread = threading.Thread(
            target=server.run, args=([listener],), name="local-food-services", daemon=True
        )
        self._thread.start()
        if not server.accepting.wait(_LIMIT_SECONDS):
            self.stop()
            raise TimeoutError("the local food services do not start")
        return self

    def stop(self) -> None:
        """Finish the requests under way and stop; stopping twice is fine."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_LIMIT_SECONDS)
        if self._thread.is_alive():
            at = traceback.format_stack(sys._current_frames()[self._thread.ident or 0])
            raise TimeoutError("the local food services do not stop; their thread is at:\n" + "".join(at))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """Tells when it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.accepting.set()


def _config() -> uvicorn.Config:
    return uvicorn.Config(
        food_services_app(),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )


def _listen(port: int) -> socket.socket:
    """Raises OSError when the port is taken."""
    # With the protocol named, asyncio sets TCP_NODELAY on its connections; else each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    return listener


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve silently until SIGTERM or SIGINT. Exits with code 1 and one line on stderr when it cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.stand_ins.food_services", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    port = parser.parse_args(arguments).port
    for number in (signal.SIGTERM, signal.SIGINT):
        # While it serves, uvicorn handles them; it raises them again when it has stopped in order.
        signal.signal(number, _leave)
    if not 1 <= port <= 65535:
        sys.exit(f"cannot serve on port {port}: choose one from 1 to 65535 with --port")
    try:
        listener = _listen(port)
    except OSError as error:
        sys.exit(f"cannot serve on port {port}: {error.strerror}; choose another with --port")
    uvicorn.Server(_config()).run(sockets=[listener])
    sys.exit("the local food services ended by themselves")


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
