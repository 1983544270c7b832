"""The queries on the read models: majority reads, each limited to one person, over either asynchronous driver."""

import asyncio
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from functools import partial
from inspect import isawaitable
from typing import Any
from uuid import UUID

import msgspec
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from adapters.mongo.connection.client import CODEC, MAJORITY, PRIMARY, Document
from adapters.mongo.connection.errors import is_undecided
from adapters.mongo_projections.history_filter import NEWEST_FIRST, history_filter
from adapters.mongo_projections.progress import Progress
from adapters.mongo_projections.storage import PROJECTORS, checkpoint_id, checkpoint_of
from ledger import AwaitingMeal, MealSnapshot, MealStatus, WarningCode
from projections import (
    DAILY_SUMMARIES,
    MEALS,
    DailySummary,
    HistoryQuery,
    LogPositions,
    MealPage,
    NotReady,
    PositionBeyondHead,
    Projection,
    ReadModelBehind,
    ReadModelCondition,
    Unreadable,
    day_key,
    decode_meal,
    summary,
)

_SERVED = (MEALS, DAILY_SUMMARIES)

_log = logging.getLogger(__name__)

_ANSWER_SECONDS = 2.0
"""How long a query waits for MongoDB: in an outage a client is told so while a person still looks."""
_TIMEOUT_MS = 5000
_READY_SECONDS = 2.0


class MongoReadModels:
    """The read models in MongoDB: ReadModels.

    Every query reads documents and checkpoint from one snapshot, so the documents are exactly as old as the checkpoint
    says. Where the checkpoint is missing, or says that the storage must not be read, the query raises
    NotReady: documents that were lost are never taken for none.

    `wait_seconds` bounds the wait for a `min_position`. A projector whose last heartbeat is older than
    `stale_after`, by the database's clock, counts as gone.
    """

    def __init__(
        self,
        client: AsyncMongoClient[Document],
        database: str,
        positions: LogPositions,
        *,
        wait_seconds: float = 2.0,
        stale_after: timedelta = timedelta(seconds=10),
    ) -> None:
        self._database = client.get_database(
            database, codec_options=CODEC, read_preference=PRIMARY, read_concern=MAJORITY
        )
        self._positions = positions
        self._wait_seconds = wait_seconds
        self._stale_after = stale_after
        self._progress = {
            projection.storage: Progress(partial(self._position, projection)) for projection in _SERVED
        }

    async def meal(
        self, user_id: str, meal_id: str, *, min_position: int | None = None
    ) -> MealSnapshot | None:
        """That meal; None when there is none, or when it is another person's."""
        try:
            key = str(UUID(meal_id))
        except ValueError:
            return None
        found, _ = await self._read(MEALS, min_position, [{"$match": {"_id": key, "user_id": user_id}}])
        if not found:
            return None
        with _readable_document(MEALS, key):
            return decode_meal(key, found[0])

    async def meal_history(
        self, user_id: str, query: HistoryQuery, *, min_position: int | None = None
    ) -> MealPage:
        """A page of the person's meals, newest first. One that is damaged is left out, and logged as an error."""
        page: list[Document] = [
            {"$match": history_filter(user_id, query)},
            {"$sort": NEWEST_FIRST},
            {"$limit": query.first + 1},
        ]
        found, _ = await self._read(MEALS, min_position, page)
        meals: list[MealSnapshot] = []
        for document in found[: query.first]:
            with suppress(Unreadable), _readable_document(MEALS, document["_id"]):
                meals.append(decode_meal(document["_id"], document))
        return MealPage(meals=tuple(meals), has_next_page=len(found) > query.first)

    async def daily_summary(
        self, user_id: str, day: date, *, min_position: int | None = None
    ) -> DailySummary:
        """The person's local day, and the position that it reflects."""
        wanted: Document = {"$match": {"_id": day_key(user_id, day)}}
        found, position = await self._read(DAILY_SUMMARIES, min_position, [wanted])
        with _readable_document(DAILY_SUMMARIES, day.isoformat()):
            return summary(day, found[0] if found else None, position)

    async def stale_analyses(self, older_than: datetime, limit: int) -> list[str]:
        """The ids of at most `limit` meals, of all people, that are ANALYZING since before that moment; oldest first.

        It may be behind, so that a read model that is missing or being rebuilt is no error: it holds fewer.
        """
        with_status = {"status": MealStatus.ANALYZING.value, "created_at": {"$lt": older_than}}
        with _available():
            found = (
                await self._database[MEALS.storage]
                .find(with_status, {"_id": 1}, max_time_ms=_TIMEOUT_MS)
                .sort([("created_at", 1)])
                .limit(limit)
                .to_list(None)
            )
        return [document["_id"] for document in found]

    async def meals_awaiting_nutrients(
        self, requested_after: datetime, previous: AwaitingMeal | None, limit: int
    ) -> list[AwaitingMeal]:
        """At most `limit` meals, of all people, requested after that moment: those behind `previous`, newest first.

        As with `stale_analyses`, a read model that is missing or being rebuilt holds fewer.
        """
        requested: Document = {"$gt": requested_after}
        wanted: Document = {
            "warnings.code": WarningCode.NUTRIENTS_UNAVAILABLE.value,
            "created_at": requested,
        }
        if previous is not None:
            requested["$lte"] = previous.requested_at
            wanted["$or"] = [
                {"created_at": {"$lt": previous.requested_at}},
                {"created_at": previous.requested_at, "_id": {"$lt": previous.meal_id}},
            ]
        with _available():
            found = (
                await self._database[MEALS.storage]
                .find(wanted, {"created_at": 1}, max_time_ms=_TIMEOUT_MS)
                .sort([("created_at", -1), ("_id", -1)])
                .limit(limit)
                .to_list(None)
            )
        return [
            AwaitingMeal(meal_id=document["_id"], requested_at=document["created_at"]) for document in found
        ]

    async def conditions(self) -> list[ReadModelCondition]:
        """How each read model fares. Raises NotReady when the database does not answer."""
        try:
            with _available():
                async with asyncio.timeout(_READY_SECONDS):
                    head, alive = await self._positions.head(), await self._live_projectors()
                    return [await self._condition(projection, head, alive) for projection in _SERVED]
        except TimeoutError as error:
            raise NotReady("MongoDB does not answer.") from error

    async def _condition(
        self, projection: Projection, head: int, alive: Collection[str]
    ) -> ReadModelCondition:
        position, problem = 0, None
        _, checkpoint = await self._run(projection.storage, [{"$limit": 1}])
        try:
            position = _readable(projection.storage, checkpoint)
        except NotReady as unready:
            problem = unready.message
        return ReadModelCondition(
            name=projection.name,
            position=position,
            head=head,
            has_projector=projection.storage in alive,
            problem=problem,
        )

    async def _live_projectors(self) -> set[str]:
        """The storages that a projector has lately said to keep up to date."""
        oldest = {"$subtract": ["$$NOW", self._stale_after // timedelta(milliseconds=1)]}
        found = (
            await self._database[PROJECTORS]
            .find({"$expr": {"$gt": ["$at", oldest]}}, {"projection": 1})
            .to_list(None)
        )
        return {document["projection"] for document in found}

    async def _read(
        self, projection: Projection, min_position: int | None, stages: Sequence[Document]
    ) -> tuple[list[Document], int]:
        """The documents of a pipeline, and the position that they reflect, which is `min_position` or a later one."""
        with _available():
            found, position = await self._found(projection, stages)
            if min_position is None or position >= min_position:
                return found, position
            if not await self._positions.exists(min_position):
                raise PositionBeyondHead
            if not await self._progress[projection.storage].reaches(min_position, self._wait_seconds):
                raise ReadModelBehind
            found, position = await self._found(projection, stages)
        if position < min_position:
            raise ReadModelBehind  # it was begun again meanwhile
        return found, position

    async def _found(self, projection: Projection, stages: Sequence[Document]) -> tuple[list[Document], int]:
        """The documents of a pipeline, and the position that they reflect. Raises NotReady, also for a late answer."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                found, checkpoint = await self._run(projection.storage, stages)
        except TimeoutError:
            raise _no_answer() from None
        return found, _readable(projection.storage, checkpoint)

    async def _position(self, projection: Projection) -> int:
        with _available():
            return (await self._found(projection, [{"$match": {"_id": None}}]))[1]

    async def _run(self, storage: str, stages: Sequence[Document]) -> tuple[list[Document], Document | None]:
        """The documents of a pipeline, and the checkpoint or None: of one snapshot, by one command.

        The checkpoint is read last: a storage that is dropped before the documents are read has none then.
        """
        own = checkpoint_id(storage)
        with_checkpoint = {"$unionWith": {"coll": storage, "pipeline": [{"$match": {"_id": own}}]}}
        snapshot = self._database.get_collection(storage, read_concern=ReadConcern("snapshot"))
        cursor: Any = snapshot.aggregate([*stages, with_checkpoint], maxTimeMS=_TIMEOUT_MS)
        # Motor's is a cursor at once, PyMongo's has to be awaited.
        found = await (await cursor if isawaitable(cursor) else cursor).to_list(None)
        if not found or found[-1]["_id"] != own:
            return found, None
        return found[:-1], found[-1]


def _readable(storage: str, checkpoint: Document | None) -> int:
    """The checkpoint's position. Raises NotReady when the storage must not be read."""
    held = None if checkpoint is None else checkpoint_of(checkpoint)
    unready = "it is missing" if held is None else held.unready
    if held is None or unready is not None:
        raise NotReady(f"The read model {storage} cannot be read: {unready}.")
    return held.position


@contextmanager
def _available() -> Iterator[None]:
    """Raise NotReady when the database does not answer."""
    try:
        yield
    except PyMongoError as error:
        if not is_undecided(error):
            raise
        raise _no_answer() from error


def _no_answer() -> NotReady:
    return NotReady("The diary cannot be read at the moment. Please try again in a few seconds.")


@contextmanager
def _readable_document(projection: Projection, key: str) -> Iterator[None]:
    """Raise Unreadable, and log it for the operator, when a document is not what this code writes."""
    try:
        yield
    except (msgspec.ValidationError, KeyError, TypeError, ValueError) as error:
        _log.error(
            "read_model_document_unreadable",
            extra={"projection": projection.storage, "key": key, "error_type": type(error).__name__},
        )
        raise Unreadable from None
