"""What is gone of the things that the service depends on: said at once, once a minute, and when it is back."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from time import monotonic

import pymongo
import structlog
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from adapters.mongo.connection.client import Document
from ops.database import open_client
from ops.settings import StoreSettings
from projections import NotReady, ReadModels

_log = structlog.get_logger(__name__)

_REMIND_SECONDS = 60.0
_PING_EVERY_SECONDS = 1.0
_PING_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 5.0

DATABASE = "MongoDB"
_WITHOUT_DATABASE = "MongoDB does not answer: commands and queries are refused until it does"


class Outages:
    """Takes down what is gone and what is back, from any thread. Only changes, and a reminder a minute, are logged."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._gone: dict[str, _Outage] = {}

    def gone(self, dependency: str, meaning: str) -> None:
        """That dependency does not work; `meaning` says to the operator what does not work without it."""
        with self._lock:
            if dependency in self._gone:
                return
            self._gone[dependency] = _Outage(meaning, self._clock())
        _log.error("dependency_gone", dependency=dependency, meaning=meaning)

    def back(self, dependency: str) -> None:
        """That dependency works."""
        with self._lock:
            outage = self._gone.pop(dependency, None)
        if outage is not None:
            _log.warning(
                "dependency_back", dependency=dependency, gone_seconds=round(self._clock() - outage.since, 1)
            )

    def meaning(self, dependency: str) -> str | None:
        """What does not work while that dependency is gone; None while it works."""
        with self._lock:
            outage = self._gone.get(dependency)
        return None if outage is None else outage.meaning

    def remind(self) -> None:
        """Say again what has been gone for another minute. To be called every second or so."""
        now = self._clock()
        with self._lock:
            due = [(name, outage) for name, outage in self._gone.items() if now >= outage.reminds_at]
            for _, outage in due:
                outage.reminds_at = now + _REMIND_SECONDS
        for name, outage in due:
            gone_seconds = round(now - outage.since)
            _log.error(
                "dependency_still_gone", dependency=name, meaning=outage.meaning, gone_seconds=gone_seconds
            )


class _Outage:
    __slots__ = ("meaning", "reminds_at", "since")

    def __init__(self, meaning: str, since: float) -> None:
        self.meaning = meaning
        self.since = since
        self.reminds_at = since + _REMIND_SECONDS


async def watch_projectors(read_models: ReadModels, outages: Outages) -> None:
    """Tell of projectors that have stopped keeping their read model up to date, until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        try:
            conditions = await read_models.conditions()
        except NotReady:
            continue  # the database is gone, of which its own watch tells
        for model in conditions:
            projector = f"projector of {model.name}"
            if model.has_projector:
                outages.back(projector)
            else:
                outages.gone(
                    projector, f"queries on {model.name} answer what was known {model.lag} events ago"
                )


@contextmanager
def watched(settings: StoreSettings, outages: Outages) -> Iterator[None]:
    """While the block lasts, a thread asks MongoDB's primary every second for a sign of life, and sends reminders."""
    ended = Event()
    with open_client(settings, "watch") as client:
        thread = Thread(target=_watch, args=(client, outages, ended), name="outages", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _watch(client: MongoClient[Document], outages: Outages, ended: Event) -> None:
    while not ended.wait(_PING_EVERY_SECONDS):
        try:
            with pymongo.timeout(_PING_SECONDS):
                client.admin.command("ping")
        except PyMongoError:
            outages.gone(DATABASE, _WITHOUT_DATABASE)
        else:
            outages.back(DATABASE)
        outages.remind()
