"""The database of the service: created by `init`, and only looked at by `serve` and `project`.

So a database user of `serve` or `project` needs no right to create anything: see `ops/guides/database_roles.md`.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

import pymongo
from eventsourcing.persistence import PersistenceError, ProgrammingError
from pymongo import AsyncMongoClient, MongoClient

from adapters.mongo.connection.client import (
    ClientSettings,
    Document,
    close_async_client,
    make_async_client,
    make_client,
)
from adapters.mongo.connection.errors import library_errors
from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from adapters.mongo_projections.storage import create_storage
from ledger import MealLedger, TypedEventMapper
from ops.errors import DatabaseUnusable, NotInitialised
from ops.settings import ServeSettings, StoreSettings, env_file_that_sets
from projections import DAILY_SUMMARIES, MEALS, Projection

PROJECTIONS: tuple[Projection, ...] = (MEALS, DAILY_SUMMARIES)

_GOODBYE_SECONDS = 1.0
"""How long a client may take to end its sessions on the server. A driver would look for a lost server for longer."""


class Store(NamedTuple):
    """The event-sourced application over MongoDB, and the parts of it that only this adapter has."""

    ledger: MealLedger
    recorder: MongoApplicationRecorder
    mapper: TypedEventMapper
    events_collection: str


@contextmanager
def open_store(settings: StoreSettings) -> Iterator[Store]:
    """The ledger's store in a database that `init` has been run on.

    Raises NotInitialised when something is missing there, DatabaseUnusable when MongoDB cannot be used.
    """
    with _store(settings, create_table="no") as store:
        with _database_errors():
            _require_event_log(settings, store)
            _require_read_models(settings)
        yield store


def initialise(settings: StoreSettings) -> list[str]:
    """Create the collections and indexes that are missing, and return a line for each thing that is there now.

    Raises DatabaseUnusable.
    """
    with _store(settings, create_table="yes") as store, open_client(settings, "init") as client:
        with _database_errors(), library_errors("cannot create the read models"):
            for projection in PROJECTIONS:
                create_storage(client[settings.mongodb_database], projection)
        return [f"event log {store.events_collection}"] + [
            f"read model {projection.storage}" for projection in PROJECTIONS
        ]


@contextmanager
def open_client(settings: StoreSettings, part: str) -> Iterator[MongoClient[Document]]:
    """A client of a part of the service. Closing it takes a second at most, whether a server answers or not."""
    client = make_client(_client_settings(settings, part))
    try:
        yield client
    finally:
        with pymongo.timeout(_GOODBYE_SECONDS):
            client.close()


@asynccontextmanager
async def open_async_client(settings: ServeSettings, part: str) -> AsyncIterator[AsyncMongoClient[Document]]:
    """The same, asynchronous, of the driver that MONGODB_DRIVER names."""
    client = make_async_client(_client_settings(settings, part), settings.mongodb_driver)
    try:
        yield client
    finally:
        with pymongo.timeout(_GOODBYE_SECONDS):
            await close_async_client(client)


def _client_settings(settings: StoreSettings, part: str) -> ClientSettings:
    return ClientSettings(
        url=settings.mongodb_url.get_secret_value(),
        app_name=f"{MealLedger.name}-{part}",
        max_pool_size=settings.mongodb_max_pool_size,
        min_pool_size=settings.mongodb_min_pool_size,
    )


@contextmanager
def _store(settings: StoreSettings, create_table: str) -> Iterator[Store]:
    with _database_errors():
        ledger = MealLedger(env=_environment(settings) | {"CREATE_TABLE": create_table})
    try:
        assert isinstance(ledger.factory, MongoFactory)  # noqa: S101 - the environment above names it
        assert isinstance(ledger.recorder, MongoApplicationRecorder)  # noqa: S101
        assert isinstance(ledger.mapper, TypedEventMapper)  # noqa: S101
        yield Store(
            ledger,
            ledger.recorder,
            ledger.mapper,
            ledger.factory.datastore.settings.collection_name("events"),
        )
    finally:
        ledger.close()


def _environment(settings: StoreSettings) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": settings.mongodb_url.get_secret_value(),
        "MONGODB_DATABASE": settings.mongodb_database,
        "MONGODB_MAX_POOL_SIZE": str(settings.mongodb_max_pool_size),
        "MONGODB_MIN_POOL_SIZE": str(settings.mongodb_min_pool_size),
    }


def _require_event_log(settings: StoreSettings, store: Store) -> None:
    try:
        store.recorder.log.require_indexes()
    except ProgrammingError as error:
        raise _not_initialised(settings, f"the index of {store.events_collection}") from error


def _require_read_models(settings: StoreSettings) -> None:
    with open_client(settings, "start") as client, library_errors("cannot list collections"):
        # Those on which this user has any right: the names of all would take a right of its own.
        found = client[settings.mongodb_database].list_collection_names(authorizedCollections=True)
    missing = {projection.storage for projection in PROJECTIONS}.difference(found)
    if missing:
        raise _not_initialised(settings, f"the read model {' and '.join(sorted(missing))}")


def _not_initialised(settings: StoreSettings, what: str) -> NotInitialised:
    return NotInitialised(
        f"the database {settings.mongodb_database} lacks {what}: run `meal-ledger init` first, "
        "as a database user that may create indexes"
    )


@contextmanager
def _database_errors() -> Iterator[None]:
    """Say in one line that the database cannot be used, and why."""
    try:
        yield
    except PersistenceError as error:
        raise DatabaseUnusable(f"{_unusable()}: {error}") from error


def _unusable() -> str:
    env_file = env_file_that_sets("MONGODB_URL")
    if env_file is None:
        return "MongoDB (MONGODB_URL) cannot be used"
    return (
        f"MongoDB cannot be used at the MONGODB_URL that comes from {env_file}, probably because `make run` "
        f"is not running for DATA={env_file.parent} (start it, or set MONGODB_URL)"
    )
