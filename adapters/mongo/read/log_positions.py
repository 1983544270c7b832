"""Whether the log holds a position, and its newest: all that the read side asks of the event store."""

import asyncio

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.read_concern import ReadConcern

from adapters.mongo.connection.client import MAJORITY, PRIMARY, Document

_LARGEST = 2**63 - 1
_TIMEOUT_MS = 2000
_MOST_LINEARIZABLE = 2


class MongoLogPositions:
    """Looks positions up in the collection of an application's events: a LogPositions.

    What a majority read shows is there. What it does not show may be there all the same, for a moment after a
    fail-over, and is asked for again by a linearizable read: that one costs a write on the primary, so that only few
    are made at once. Positions that a client made up wait for each other, not others for them.
    """

    def __init__(self, client: AsyncMongoClient[Document], database: str, events: str) -> None:
        opened = client.get_database(database)
        self._by_majority, self._linearizable = (
            opened.get_collection(events, read_concern=concern, read_preference=PRIMARY)
            for concern in (MAJORITY, ReadConcern("linearizable"))
        )
        self._places = asyncio.Semaphore(_MOST_LINEARIZABLE)

    async def exists(self, position: int) -> bool:
        """Whether the log holds that position at this moment."""
        if not 0 < position <= _LARGEST:
            return False
        if await _has(self._by_majority, position):
            return True
        async with self._places:
            return await _has(self._linearizable, position)

    async def head(self) -> int:
        """The newest position, as a majority has it; 0 while the log is empty."""
        positions = {"_id": {"$gt": 0}}
        newest = await self._by_majority.find_one(
            positions, {"_id": 1}, sort=[("_id", -1)], max_time_ms=_TIMEOUT_MS
        )
        return 0 if newest is None else int(newest["_id"])


async def _has(events: AsyncCollection[Document], position: int) -> bool:
    return await events.find_one({"_id": position}, {"_id": 1}, max_time_ms=_TIMEOUT_MS) is not None
