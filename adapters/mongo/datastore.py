"""Shared by the recorders of one factory: a client, its cluster clock, and one wake-up per log."""

import sys
from collections.abc import Collection as Group
from threading import Lock, Thread
from typing import Protocol
from weakref import finalize

from pymongo import MongoClient
from pymongo.collection import Collection

from adapters.mongo.connection.causal_reads import CausalReads, ClusterClock
from adapters.mongo.connection.client import (
    CODEC,
    JOURNALED_MAJORITY,
    MAJORITY,
    PRIMARY,
    ClientSettings,
    Document,
    make_client,
    require_replica_set,
)
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.read.wakeups import Wakeups
from adapters.mongo.settings import StoreSettings

_GOODBYE_SECONDS = 1.0


class Writer(Protocol):
    """Appends under way."""

    def close(self, timeout: float) -> None:
        """Refuse new appends and wait, at most so many seconds, for those under way."""


class MongoDatastore:
    """A connection to one database. It connects when the first recorder is made; `close` ends everything it began.

    A datastore that neither a factory nor a recorder refers to any more closes by itself. Nothing is waited for when
    the interpreter exits: the operating system closes the connections, and the server ends their sessions.
    """

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
        self.reads = CausalReads(self.client, ClusterClock(), settings.read_deadline)
        self._lock = Lock()
        self._checked = False
        self._wakeups: dict[str, Wakeups] = {}
        self._writers: list[Writer] = []
        self._unused = finalize(self, _close_in_background, self.client, self._wakeups)
        self._unused.atexit = False

    def collection(self, name: str) -> Collection[Document]:
        """A collection of the database, read by majority and written with a journaled majority, on the primary."""
        return self._database.get_collection(name)

    def check(self) -> None:
        """Make sure, once, that the server is a replica set without an arbiter; see `require_replica_set`."""
        with self._lock:
            if not self._checked:
                require_replica_set(self.client)
                self._checked = True

    def wakeups(self, events: Collection[Document]) -> Wakeups:
        """The wake-ups of a log, the same for every recorder of it."""
        with self._lock:
            name = events.full_name
            if name not in self._wakeups:
                self._wakeups[name] = Wakeups(events, self.reads.clock, self.settings.poll_interval)
            return self._wakeups[name]

    def add_writer(self, writer: Writer) -> None:
        """Have `close` wait for the appends of `writer`."""
        with self._lock:
            self._writers.append(writer)

    def close(self) -> None:
        """Wait for the appends under way, refuse new ones, and close the client. Closing twice is fine.

        It takes no longer than the deadline of an append, and a second for telling the server. At the exit of the
        interpreter it does nothing: threads that it would wait for do not run any more.
        """
        if sys.is_finalizing():
            return
        with self._lock:
            writers, wakeups = list(self._writers), list(self._wakeups.values())
        deadline = Deadline.after(self.settings.append_deadline)
        for writer in writers:
            writer.close(deadline.remaining)
        self._unused.detach()
        _close(self.client, wakeups)


def _close(client: MongoClient[Document], wakeups: Group[Wakeups]) -> None:
    goodbye = Deadline.after(_GOODBYE_SECONDS)
    for wakeup in wakeups:
        wakeup.close(goodbye.remaining)
    # It ends its sessions, if a server is there to be told.
    with goodbye.limit():
        client.close()


def _close_in_background(client: MongoClient[Document], wakeups: dict[str, Wakeups]) -> None:
    # In a thread of its own: objects are collected in any thread, which may hold a lock that closing needs.
    Thread(target=_close, args=(client, wakeups.values()), name="close MongoDB client", daemon=True).start()
