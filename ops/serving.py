"""The long-running commands: the API and the projectors, in the foreground, until they are told to end."""

import asyncio
import math
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from types import FrameType

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from api import create_app
from ledger import StaleAnalysisSweep
from ops.composition_root import open_api_parts, open_projectors, request_deadline
from ops.database import Store, open_store
from ops.errors import AddressUnusable, NotStopped
from ops.http_connections import connection_class
from ops.outages import Outages, watched
from ops.settings import ServeSettings, StoreSettings

_log = structlog.get_logger(__name__)

_SWEEP_EVERY = timedelta(seconds=30)


def serve(settings: ServeSettings, host: str, port: int) -> None:
    """Run the API until SIGTERM or SIGINT: then no new connection is taken, and requests in hand are answered.

    Raises AddressUnusable, DatabaseUnusable.
    """
    outages = Outages()
    with (
        _listener(host, port) as listener,
        open_store(settings) as store,
        watched(settings, outages),
        _ended_by(lambda: None),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(settings, store, listener, outages))


def project(settings: StoreSettings) -> None:
    """Run the projectors until SIGTERM or SIGINT; the batch in hand is finished.

    Raises DatabaseUnusable at the start, NotStopped when a projector does not end in time.
    """
    ended = threading.Event()
    with (
        _ended_by(ended.set),
        open_store(settings) as store,
        watched(settings, Outages()),
        open_projectors(settings, store) as projectors,
    ):
        projectors.start()
        _log.info("projectors_started")
        ended.wait()
        if not projectors.stop():
            raise NotStopped("a projector did not end in time; its uncommitted batch is applied again")
        _log.info("projectors_stopped")


async def _serve(settings: ServeSettings, store: Store, listener: socket.socket, outages: Outages) -> None:
    async with open_api_parts(settings, store, outages) as parts:
        sweep = StaleAnalysisSweep(parts.read_models, parts.runs)
        app = create_app(
            commands=parts.commands,
            read_models=parts.read_models,
            authenticator=parts.authenticator,
            version=settings.app_version,
            request_deadline=request_deadline(settings),
            degraded=parts.degraded,
        )
        async with _in_background(sweep.forever(_SWEEP_EVERY), parts.completion.forever()):
            await uvicorn.Server(_uvicorn(settings, app)).serve(sockets=[listener])
        _log.info("api_stopped")


@asynccontextmanager
async def _in_background(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(endless) for endless in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _uvicorn(settings: ServeSettings, app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=connection_class(settings.api_max_connections),
        ws="none",
        timeout_keep_alive=math.ceil(settings.api_keep_alive_seconds),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(request_deadline(settings).total_seconds()) + 1,
    )


@contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket. It says TCP, since asyncio turns Nagle's delay off only for sockets that do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressUnusable(f"cannot listen on {host}: {error.strerror}; choose another --host") from error
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            raise AddressUnusable(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
            ) from error
        yield listener


@contextmanager
def _ended_by(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at SIGTERM and SIGINT, which then are no errors: the command ends with exit code 0."""

    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
