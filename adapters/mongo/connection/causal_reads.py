"""Majority reads that come causally after everything this process has written or seen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import uniform
from threading import Lock
from time import sleep
from typing import Any, TypeVar

from bson import Timestamp
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from adapters.mongo.connection.client import Document, renew_connections
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import in_library_terms, is_undecided

_T = TypeVar("_T")


class ClusterClock:
    """The latest operation time and cluster time that this process knows of; both are MongoDB's words."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._operation_time = Timestamp(0, 0)
        self._cluster_time: dict[str, Any] | None = None

    def observe(self, session: ClientSession) -> None:
        """Take over the times that a session has seen."""
        self.observe_time(session.operation_time, session.cluster_time)

    def observe_time(self, operation_time: Timestamp | None, cluster_time: Any = None) -> None:
        """Take over a time, such as that of an event in a change stream."""
        with self._lock:
            if operation_time is not None and operation_time > self._operation_time:
                self._operation_time = operation_time
                self._cluster_time = cluster_time or self._cluster_time

    def advance(self, session: ClientSession) -> None:
        """Make the next operation of a session come causally after the latest time."""
        with self._lock:
            operation_time, cluster_time = self._operation_time, self._cluster_time
        if operation_time.time:
            session.advance_operation_time(operation_time)
        if cluster_time:
            session.advance_cluster_time(cluster_time)


class CausalReads:
    """Reads of one client, each causally after the appends of this process, tried again through a fail-over."""

    def __init__(self, client: MongoClient[Document], clock: ClusterClock, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self.clock = clock

    @contextmanager
    def session(self) -> Iterator[ClientSession]:
        """A session that begins at the latest time known, and hands on the times that it sees."""
        with self._client.start_session(causal_consistency=True) as session:
            self.clock.advance(session)
            yield session
            self.clock.observe(session)

    def run(self, doing: str, read: Callable[[ClientSession], _T], deadline: Deadline | None = None) -> _T:
        """The result of `read`, which is retried, within the deadline, when a server does not answer.

        The deadline is that of reads, unless one is given.

        Raises the library's error, usually OperationalError, past the deadline or for a permanent failure.
        """
        deadline = deadline or Deadline.after(self._timeout)
        pause = 0.01
        while True:
            try:
                with self.session() as session, deadline.limit():
                    return read(session)
            except PyMongoError as error:
                renew_connections(self._client, error)
                if not is_undecided(error) or deadline.remaining <= pause:
                    raise in_library_terms(error, doing) from error
            sleep(uniform(0, pause))  # noqa: S311 - spreads the load, guards nothing
            pause = min(2 * pause, 0.5)
