"""Whether the log holds a position: the only thing that a query asks of the event store."""

from pymongo import AsyncMongoClient
from pymongo.read_concern import ReadConcern

from adapters.mongo.connection.client import MAJORITY, PRIMARY, Document

_LARGEST = 2**63 - 1
_TIMEOUT_MS = 2000


class MongoLogPositions:
    """Looks positions up in the collection of an application's events: a LogPositions.

    What a majority read shows is there. What it does not show may be there all the same, for a moment after a
    fail-over, and is asked for again by a linearizable read: that one costs a write on the primary.
    """

    def __init__(self, client: AsyncMongoClient[Document], database: str, events: str) -> None:
        opened = client.get_database(database)
        self._reads = [
            opened.get_collection(events, read_concern=concern, read_preference=PRIMARY)
            for concern in (MAJORITY, ReadConcern("linearizable"))
        ]

    async def exists(self, position: int) -> bool:
        """Whether the log holds that position at this moment."""
        if not 0 < position <= _LARGEST:
            return False
        for events in self._reads:
            if await events.find_one({"_id": position}, {"_id": 1}, max_time_ms=_TIMEOUT_MS) is not None:
                return True
        return False
