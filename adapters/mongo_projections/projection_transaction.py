"""One batch's reads and writes in MongoDB."""

from collections.abc import Collection, Mapping

from pymongo import DeleteOne, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection as MongoCollection

from adapters.mongo.connection.client import Document
from adapters.mongo_projections.storage import parked_document
from projections import Blocked, Changes, CheckpointMoved


class MongoTransaction:
    """One batch's reads, of one snapshot, and writes: a ProjectionTransaction."""

    def __init__(
        self,
        documents: MongoCollection[Document],
        parked: MongoCollection[Document],
        generation: str,
        session: ClientSession,
    ) -> None:
        self._documents = documents
        self._parked = parked
        self._generation = generation
        self._session = session

    def documents(self, keys: Collection[str]) -> Mapping[str, Document]:
        """The documents of these keys that exist."""
        if not keys:
            return {}
        found = self._documents.find({"_id": {"$in": sorted(keys)}}, session=self._session)
        return {document.pop("_id"): document for document in found}

    def blocked(self, keys: Collection[str], streams: Collection[str]) -> Blocked:
        """The keys and streams among these that have a parked event.

        The marker of the generation is read with them: without it, events were parked that are not there any more.
        """
        if not keys and not streams:
            return Blocked()
        found = self._parked.find(
            {
                "generation": self._generation,
                "$or": [
                    {"_id": self._generation},
                    {"key": {"$in": sorted(keys)}},
                    {"key": None, "stream_id": {"$in": sorted(streams)}},
                ],
            },
            {"key": 1, "stream_id": 1},
            session=self._session,
        )
        parked = {document["_id"]: document for document in found}
        if parked.pop(self._generation, None) is None:
            raise CheckpointMoved
        pairs = [(document["key"], document["stream_id"]) for document in parked.values()]
        return Blocked(
            keys=frozenset(key for key, _ in pairs if key is not None),
            streams=frozenset(stream_id for key, stream_id in pairs if key is None),
        )

    def save(self, changes: Changes) -> None:
        """Write the documents and the parked events."""
        writes = [
            DeleteOne({"_id": key})
            if document is None
            else ReplaceOne({"_id": key}, {"_id": key, **document}, upsert=True)
            for key, document in changes.documents.items()
        ]
        if writes:
            self._documents.bulk_write(writes, ordered=False, session=self._session)
        if changes.parked:
            self._parked.insert_many(
                [parked_document(self._generation, parked) for parked in changes.parked],
                session=self._session,
            )
