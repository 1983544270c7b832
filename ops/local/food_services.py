"""The local food services: one small HTTP server on loopback that stands in for OpenAI, USDA and OpenFoodFacts.

    python -m ops.local.food_services --port 8010      # serves until SIGTERM or SIGINT

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
from collections.abc import Sequence
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.local.fdc_service import FdcService
from ops.local.model_service import ModelService
from ops.local.openfoodfacts_service import OpenFoodFactsService

_OPENAI = "/openai/v1"
_USDA = "/fdc/v1"
_OPENFOODFACTS = "/off"
_STOP_SECONDS = 10.0


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


class _Server(uvicorn.Server):
    """Tells when it accepts connections; leaves the signals to the main thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.accepting.set()


class LocalFoodServices:
    """The services on 127.0.0.1, in a thread of this process. Port 0: a free one, known after `start`."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._server = _Server(
            uvicorn.Config(
                food_services_app(),
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_base_url(self) -> str:
        """For the setting OPENAI_BASE_URL."""
        return f"{self.url}{_OPENAI}"

    @property
    def usda_base_url(self) -> str:
        """For the setting USDA_BASE_URL: what precedes `/foods/search`."""
        return f"{self.url}{_USDA}"

    @property
    def openfoodfacts_base_url(self) -> str:
        """For the setting OPENFOODFACTS_BASE_URL: what precedes `/api/v2/product`."""
        return f"{self.url}{_OPENFOODFACTS}"

    @property
    def openfoodfacts_search_url(self) -> str:
        """For the setting OPENFOODFACTS_SEARCH_URL: the whole address of the v1 text search."""
        return f"{self.url}{_OPENFOODFACTS}/cgi/search.pl"

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> Self:
        """Serve; returns when connections are accepted. Raises OSError when the port is taken."""
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
        except (OSError, OverflowError):
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="local-food-services", daemon=True
        )
        self._thread.start()
        if not self._server.accepting.wait(_STOP_SECONDS):
            self.stop()
            raise TimeoutError("the local food services do not start")
        return self

    def stop(self) -> None:
        """Finish the requests under way and stop; stopping twice is fine."""
        if self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError("the local food services do not stop")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve silently until SIGTERM or SIGINT. Exits with code 1 and one line on stderr when it cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.local.food_services", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    port = parser.parse_args(arguments).port
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(
        signal.SIG_BLOCK, ending
    )  # before the thread starts: only sigtimedwait shall see them
    try:
        with LocalFoodServices(port) as services:
            while services.is_running:
                if signal.sigtimedwait(ending, 1.0) is not None:
                    return
    except OverflowError:
        sys.exit(f"cannot serve on port {port}: choose one from 1 to 65535 with --port")
    except OSError as error:
        sys.exit(f"cannot serve on port {port}: {error.strerror}; choose another with --port")
    sys.exit("the local food services ended by themselves")


if __name__ == "__main__":
    main()
