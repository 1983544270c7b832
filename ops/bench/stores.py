"""The stores that are measured, behind one small interface."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeAlias, cast
from uuid import UUID, uuid4

from bson.raw_bson import RawBSONDocument
from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, StoredEvent
from pymongo import ASCENDING

from adapters.mongo.connection.client import (
    CODEC,
    JOURNALED_MAJORITY,
    MAJORITY,
    ClientSettings,
    Document,
    make_client,
)
from ops.bench.samples import stored_states
from ops.bench.umadb_peer import UmaDBStore

StoreName: TypeAlias = Literal["store", "driver", "sqlite", "postgres", "umadb"]
Log: TypeAlias = Literal["writes", "reads"]

_RAW = CODEC.with_options(document_class=RawBSONDocument)


@dataclass(frozen=True)
class Addresses:
    """Where the databases are, and the seed of what is written.

    `postgres` is the environment of its recorder, `umadb` the address of its server; None where there is none.
    """

    mongodb_url: str
    database: str
    sqlite_file: str
    postgres: dict[str, str] | None
    umadb: str | None
    seed: int


class Store(Protocol):
    """A store that is measured. Its opener closes it."""

    states: list[bytes]

    def append(self, events: Sequence[StoredEvent]) -> None:
        """Write the events, durably, all or none where the store can do that."""

    def read_log(self, after: int, limit: int) -> int:
        """Read up to `limit` events that come after a position; how many there were."""

    def read_stream(self, stream: UUID | str) -> int:
        """Read a stream; how many events it has."""

    def close(self) -> None: ...


class LibraryStore:
    """An application recorder of the library, this store's or a peer's, with its own settings."""

    def __init__(self, application: Application[UUID], seed: int) -> None:
        self._application = application
        self.mapper: Mapper[UUID] = self._application.mapper
        self.recorder = self._application.recorder
        self.states = stored_states(self.mapper, seed)

    def append(self, events: Sequence[StoredEvent]) -> None:
        self.recorder.insert_events(events)

    def read_log(self, after: int, limit: int) -> int:
        return len(self.recorder.select_notifications(after, limit, inclusive_of_start=False))

    def read_stream(self, stream: UUID | str) -> int:
        return len(self.recorder.select_events(stream))

    def close(self) -> None:
        self._application.close()


class DriverStore:
    """The bare driver: `insert_one`, `insert_many` and `find` on documents like the store's, with the same index.

    Journaled majority writes and majority reads, but no positions, no order and, for several events, no atomicity.
    States are encoded before, as they are for the recorders.
    """

    def __init__(self, addresses: Addresses, collection: str, states: list[bytes]) -> None:
        self._client = make_client(ClientSettings(addresses.mongodb_url, "bench driver"))
        self.events = self._client.get_database(
            addresses.database, CODEC, write_concern=JOURNALED_MAJORITY, read_concern=MAJORITY
        ).get_collection(collection)
        key = [("originator_id", ASCENDING), ("originator_version", ASCENDING)]
        self.events.create_index(key, unique=True, name="stream_version")
        self.states = states
        self._raw = {state: RawBSONDocument(state, _RAW) for state in states}

    def append(self, events: Sequence[StoredEvent]) -> None:
        append_id, now = uuid4(), datetime.now(UTC)
        documents = [self._document(event, append_id, now) for event in events]
        if len(documents) == 1:
            self.events.insert_one(documents[0])
        else:
            self.events.insert_many(documents)

    def _document(self, event: StoredEvent, append_id: UUID, now: datetime) -> Document:
        return {
            "originator_id": event.originator_id,
            "originator_version": event.originator_version,
            "topic": event.topic,
            "recorded_at": now,
            "append_id": append_id,
            "state": self._raw[event.state],
        }

    def read_log(self, after: int, limit: int) -> int:
        """Documents, decoded by the driver."""
        return len(list(self.events.find({"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=limit)))

    def read_log_undecoded(self, after: int, limit: int) -> int:
        """The batches as they come over the wire; their bytes."""
        batches = self.events.find_raw_batches(
            {"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=limit, batch_size=limit
        )
        return sum(len(cast("bytes", batch)) for batch in batches)

    def read_stream(self, stream: UUID | str) -> int:
        order = [("originator_version", ASCENDING)]
        return len(list(self.events.find({"originator_id": stream}, sort=order)))

    def close(self) -> None:
        self._client.close()


class Writes(Application[UUID]):
    """Whose log is written to; its name is in that of each table."""

    name = "writes"


class Reads(Application[UUID]):
    """Whose log is read."""

    name = "reads"


class Stores:
    """The stores that one process has open, each opened when it is first asked for."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self._recorders: dict[tuple[StoreName, Log], LibraryStore] = {}
        self._drivers: dict[Log, DriverStore] = {}
        self._umadb: UmaDBStore | None = None

    def get(self, name: StoreName, log: Log) -> Store:
        if name == "driver":
            return self.driver(log)
        return self.umadb() if name == "umadb" else self.recorder(name, log)

    def recorder(self, name: StoreName, log: Log) -> LibraryStore:
        """A store that is a recorder of the library."""
        if (name, log) not in self._recorders:
            application = Reads if log == "reads" else Writes
            settings = environment(self.addresses, name, log)
            self._recorders[name, log] = LibraryStore(application(settings), self.addresses.seed)
        return self._recorders[name, log]

    def driver(self, log: Log) -> DriverStore:
        """The bare driver: it writes to a collection of its own, and reads the store's."""
        if log not in self._drivers:
            states = self.recorder("store", log).states
            collection = "reads_events" if log == "reads" else "driver_events"
            self._drivers[log] = DriverStore(self.addresses, collection, states)
        return self._drivers[log]

    def umadb(self) -> UmaDBStore:
        """UmaDB, which has one log, with the states as this store writes them."""
        if self._umadb is None:
            assert self.addresses.umadb is not None  # noqa: S101 - it is measured only where it is there
            self._umadb = UmaDBStore(self.addresses.umadb, self.recorder("store", "writes").states)
        return self._umadb

    def close(self) -> None:
        stores: list[Store] = [*self._recorders.values(), *self._drivers.values()]
        if self._umadb is not None:
            stores.append(self._umadb)
        for store in stores:
            store.close()


def environment(addresses: Addresses, name: StoreName, log: Log) -> dict[str, str]:
    """The settings of a recorder: its own defaults, but for what says how long it waits for a lock."""
    if name == "store":
        return {
            "PERSISTENCE_MODULE": "adapters.mongo.event_store",
            "MONGODB_URL": addresses.mongodb_url,
            "MONGODB_DATABASE": addresses.database,
        }
    if name == "sqlite":
        return {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": f"{addresses.sqlite_file}.{log}",
            "SQLITE_LOCK_TIMEOUT": "60",
        }
    if name == "postgres" and addresses.postgres is not None:
        return {"PERSISTENCE_MODULE": "eventsourcing.postgres", **addresses.postgres}
    raise ValueError(f"{name} is not there")
