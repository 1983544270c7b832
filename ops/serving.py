"""The long-running commands: the API and the projectors, in the foreground, until they are told to end."""

import asyncio
import gc
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from time import monotonic
from types import FrameType

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from api import Check, WebClients, create_app
from ledger import StaleAnalysisSweep
from ops.composition_root import open_api_parts, open_projectors, request_deadline
from ops.database import Store, open_store
from ops.errors import AddressUnusable, NotStopped
from ops.http_connections import connection_class
from ops.local.landing_page import landing_page
from ops.outages import Outages, watch_projectors, watched
from ops.settings import ServeSettings, StoreSettings

_log = structlog.get_logger(__name__)

_LOCAL_ORIGINS = r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?"
"""Pages of this machine, which may use the local environment."""

_SWITCH_SECONDS = 0.0005
"""How long a thread that computes may hold the interpreter while the event loop waits for it; Python's own is 5 ms."""

_SWEEP_EVERY = timedelta(seconds=30)


def serve(settings: ServeSettings, host: str, port: int) -> None:
    """Run the API until SIGTERM or SIGINT: it is not ready then, and soon ends.

    For SHUTDOWN_DELAY_SECONDS it takes connections as before, so that a balancer can turn away; then no new connection
    is taken, and requests in hand are answered. A second SIGINT ends it at once.
    Raises AddressUnusable, DatabaseUnusable.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    outages, ending = Outages(), _Ending(settings.shutdown_delay_seconds)
    with (
        _ended_by(ending.ask),
        _listener(host, port) as listener,
        open_store(settings) as store,
        watched(settings, outages),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(settings, store, listener, outages, ending))


def project(settings: StoreSettings) -> None:
    """Run the projectors until SIGTERM or SIGINT; the batch in hand is finished.

    Raises DatabaseUnusable at the start, NotStopped when a projector does not end in time.
    """
    ended = threading.Event()
    with (
        _ended_by(lambda _: ended.set()),
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


class _Ending:
    """Whether the process has been told to end, and since when. Signals may come at any moment from its start on."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._asked_at: float | None = None
        self.server: _Server | None = None

    def ask(self, number: int) -> None:
        if self._asked_at is not None and number == signal.SIGINT and self.server is not None:
            self.server.should_exit = self.server.force_exit = True
        self._asked_at = self._asked_at or monotonic()

    @property
    def is_due(self) -> bool:
        return self._asked_at is not None and monotonic() >= self._asked_at + self._delay_seconds

    def checks(self) -> list[Check]:
        """For the readiness: nothing while the process is to go on."""
        return [] if self._asked_at is None else [Check(name="process", problem="it is ending")]


class _Server(uvicorn.Server):
    """uvicorn's server, which learns from us that it is to end: its own look at signals begins too late."""

    def __init__(self, config: uvicorn.Config, ending: _Ending) -> None:
        super().__init__(config)
        self._ending = ending
        ending.server = self

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        await super().on_tick(counter)
        self.should_exit = self.should_exit or self._ending.is_due
        return self.should_exit


async def _serve(
    settings: ServeSettings, store: Store, listener: socket.socket, outages: Outages, ending: _Ending
) -> None:
    async with open_api_parts(settings, store, outages) as parts:
        sweep = StaleAnalysisSweep(parts.read_models, parts.runs)
        app = create_app(
            commands=parts.commands,
            read_models=parts.read_models,
            authenticator=parts.authenticator,
            version=settings.app_version,
            request_deadline=request_deadline(settings),
            commit=settings.app_commit,
            checks=lambda: [*ending.checks(), *parts.checks()],
            open_pages=[landing_page(settings, os.environ)] if settings.app_env == "local" else [],
            web=WebClients(
                origins=settings.cors_allowed_origins,
                origin_pattern=_LOCAL_ORIGINS if settings.app_env == "local" else None,
                hsts=timedelta(seconds=settings.hsts_max_age_seconds),
            ),
        )
        # What lives as long as the process, the food table above all, is never garbage: a full collection would hold up
        # every request while it walks through it.
        gc.collect()
        gc.freeze()
        async with _in_background(
            sweep.forever(_SWEEP_EVERY),
            parts.completion.forever(),
            watch_projectors(parts.read_models, outages),
        ):
            await _Server(_uvicorn(settings, app), ending).serve(sockets=[listener])
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
def _ended_by(stop: Callable[[int], None]) -> Iterator[None]:
    """Call `stop` at SIGTERM and SIGINT, which then are no errors: the command ends with exit code 0."""

    def handle(number: int, _frame: FrameType | None) -> None:
        stop(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
