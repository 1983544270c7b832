"""Transactions whose owner has died, and which block every other writer until they are ended."""

import logging
from math import inf
from time import monotonic

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from adapters.mongo.connection.client import CODEC, Document
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import one_line

_log = logging.getLogger(__name__)
_IDLE_MICROSECONDS = 1_000_000
_BLOCKED_SECONDS = 1.0


class OrphanWatch:
    """Ends orphaned transactions when a writer has made no progress for a while: for a second, then for two more, …

    The patience doubles so that of two transactions that are slow, and not orphaned, one gets to its end.
    """

    def __init__(
        self,
        client: MongoClient[Document],
        app_name: str,
        attempt_timeout: float = inf,
        patience_factor: float = 2.0,
    ) -> None:
        """`app_name` is that of the clients whose transactions may be ended; `attempt_timeout` is in seconds.

        `patience_factor` is 1 for a writer that sends its transactions with nothing between: it looks each second.
        """
        self._patience_factor = patience_factor
        self._client = client
        self._app_name = app_name
        self._attempt_timeout = attempt_timeout
        self.progressed()

    def progressed(self) -> None:
        """Nothing is in the way at this moment."""
        self._patience = _BLOCKED_SECONDS
        self._looks_at = monotonic() + self._patience

    def blocked(self, deadline: Deadline) -> None:
        """The writer has to try again: look for orphaned transactions if that has gone on for long enough."""
        if monotonic() < self._looks_at:
            return
        with deadline.limit(self._attempt_timeout):
            end_orphaned_transactions(self._client, self._app_name)
        self._patience *= self._patience_factor
        self._looks_at = monotonic() + self._patience


def end_orphaned_transactions(client: MongoClient[Document], app_name: str) -> int:
    """End the open transactions of clients of this name that have been idle for a second; the number of them.

    A store's transactions are inserted and committed with nothing between, so an idle one has lost its owner, or its
    owner is frozen; a live owner merely has to begin again. The server itself would wait for a minute.
    """
    idle_in_transaction: list[Document] = [
        {"$currentOp": {"idleSessions": True}},
        {
            "$match": {
                "type": "idleSession",
                "appName": app_name,
                "transaction.timeInactiveMicros": {"$gt": _IDLE_MICROSECONDS},
            }
        },
        {"$project": {"lsid.id": 1}},
    ]
    try:
        # The server refuses this stage with any other read concern: it reads the server's state, and no data.
        admin = client.get_database("admin", read_concern=ReadConcern("local"))
        sessions = [{"id": found["lsid"]["id"]} for found in admin.aggregate(idle_in_transaction)]
        if sessions:
            client.admin.command("killSessions", sessions, codec_options=CODEC)
    except PyMongoError as error:
        _log.warning("orphaned_transactions_lookup_failed", extra={"reason": one_line(error)})
        return 0
    if sessions:
        _log.warning("orphaned_transactions_ended", extra={"count": len(sessions), "app_name": app_name})
    return len(sessions)
