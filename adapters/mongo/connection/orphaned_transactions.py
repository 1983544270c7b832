"""Transactions whose owner has died, and which block everybody else until they are ended."""

import logging

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from adapters.mongo.connection.client import CODEC, Document
from adapters.mongo.connection.errors import one_line

_log = logging.getLogger(__name__)
_IDLE_MICROSECONDS = 1_000_000


def end_orphaned_transactions(client: MongoClient[Document], app_name: str) -> int:
    """End the open transactions of clients of this name that have done nothing for a second; how many there were.

    A store's transactions are inserted and committed with nothing between, so such a one has lost its owner, or its
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
        _log.warning("cannot look for orphaned transactions: %s", one_line(error))
        return 0
    if sessions:
        _log.warning("ended %d orphaned transactions of %s", len(sessions), app_name)
    return len(sessions)
