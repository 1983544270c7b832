"""What the recorders of one factory share: a client, its causal clock, and one wake-up per log."""

from threading import Lock

import pymongo
from pymongo import MongoClient
from pymongo.collection import Collection

from adapters.mongo.causal import CausalClock, CausalReads
from adapters.mongo.client import (
    CODEC,
    JOURNALED_MAJORITY,
    MAJORITY,
    PRIMARY,
    ClientSettings,
    Document,
    make_client,
    require_replica_set,
)
from adapters.mongo.deadline import Deadline
from adapters.mongo.event_log import EventLog
from adapters.mongo.group_commit import GroupCommit
from adapters.mongo.settings import StoreSettings
from adapters.mongo.wakeups import Wakeups

_GOODBYE_SECONDS = 1.0


class MongoDatastore:
    """A connection to one database. It connects when the first recorder is made; `close` ends all it began."""

    def __init__(self, settings: StoreSettings) -> None:
        """Raises InterfaceError when the URL is malformed."""
        self.settings = settings
        self.app_name = f"eventsourcing {settings.database}"
        self.client: MongoClient[Document] = make_client(
            ClientSettings(
                settings.url,
                self.app_name,
                max_pool_size=settings.max_pool_size,
                min_pool_size=settings.min_pool_size,
                server_selection_timeout=min(5.0, settings.append_deadline, settings.read_deadline),
                pool_timeout=min(10.0, settings.append_deadline, settings.read_deadline),
            )
        )
        self._database = self.client.get_database(
            settings.database,
            codec_options=CODEC,
            read_preference=PRIMARY,
            write_concern=JOURNALED_MAJORITY,
            read_concern=MAJORITY,
        )
        self.reads = CausalReads(self.client, CausalClock(), settings.read_deadline)
        self._lock = Lock()
        self._checked = False
        self._wakeups: dict[str, Wakeups] = {}
        self._writers: list[GroupCommit] = []

    def collection(self, name: str) -> Collection[Document]:
        """A collection of the database, read by majority and written with a journaled majority, on the primary."""
        return self._database.get_collection(name)

    def check(self) -> None:
        """Make sure, once, that the server is one that keeps its word; see `require_replica_set`."""
        with self._lock:
            if not self._checked:
                require_replica_set(self.client)
                self._checked = True

    def wakeups(self, log: EventLog) -> Wakeups:
        """The wake-ups of a log, the same for every recorder of it."""
        with self._lock:
            name = log.events.full_name
            if name not in self._wakeups:
                self._wakeups[name] = Wakeups(log.events, self.reads.clock, self.settings.poll_interval)
            return self._wakeups[name]

    def add_writer(self, group: GroupCommit) -> None:
        """Have `close` wait for the appends under way in `group`."""
        with self._lock:
            self._writers.append(group)

    def close(self) -> None:
        """Let appends under way end, refuse new ones, and close the client.

        It all takes no longer than the deadline of an append, and a second for saying goodbye to the server.
        """
        with self._lock:
            writers, wakeups = list(self._writers), list(self._wakeups.values())
        deadline = Deadline.after(self.settings.append_deadline)
        for group in writers:
            group.close(deadline.remaining)
        goodbye = Deadline.after(_GOODBYE_SECONDS)
        for wakeup in wakeups:
            wakeup.close(goodbye.remaining)
        # It ends its sessions, if a server is there to be told.
        with pymongo.timeout(max(0.001, goodbye.remaining)):
            self.client.close()
