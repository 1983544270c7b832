"""Whether the log holds a position: the only thing that a query asks of the event store."""

from pymongo import AsyncMongoClient
from pymongo.read_concern import ReadConcern

from adapters.mongo.client import PRIMARY, Document

_LARGEST = 2**63 - 1
_TIMEOUT_MS = 2000


class MongoLogPositions:
    """Looks positions up in the collection of an application's events: a LogPositions.

    The reads are linearizable: a majority read may miss the last append for a moment after a fail-over.
    """

    def __init__(self, client: AsyncMongoClient[Document], database: str, events: str) -> None:
        self._events = client.get_database(database).get_collection(
            events, read_concern=ReadConcern("linearizable"), read_preference=PRIMARY
        )

    async def exists(self, position: int) -> bool:
        """Whether the log holds that position at this moment."""
        if not 0 < position <= _LARGEST:
            return False
        found = await self._events.find_one({"_id": position}, {"_id": 1}, max_time_ms=_TIMEOUT_MS)
        return found is not None
