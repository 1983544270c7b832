"""The collections of a projection's storage in MongoDB.

    meals_v2           the documents, and among them the checkpoint
    meals_v2_parked    the parked events, and a marker of the generation that they belong to
    projectors         heartbeats, of the projectors of all projections

The checkpoint lies among the documents, so the two cannot be dropped, renamed or restored apart, and a transaction
that has moved the checkpoint holds the collection until it commits.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from adapters.mongo.connection.client import Document
from projections import Checkpoint, ParkedEvent, Projection

PROJECTORS = "projectors"

_FORGET_PROJECTORS_AFTER = timedelta(hours=1)
_NAMESPACE_EXISTS = 48


def checkpoint_id(storage: str) -> Document:
    """The `_id` of a storage's checkpoint; a document's `_id` is a string."""
    return {"checkpoint": storage}


def checkpoint_document(storage: str, checkpoint: Checkpoint) -> Document:
    return {"_id": checkpoint_id(storage), **msgspec.to_builtins(checkpoint)}


def checkpoint_of(document: Document) -> Checkpoint:
    return msgspec.convert(document, Checkpoint)


def parked_collection(storage: str) -> str:
    """The collection of the events that could not be applied to that storage."""
    return f"{storage}_parked"


def parked_document(generation: str, parked: ParkedEvent) -> Document:
    return {"generation": generation, **msgspec.to_builtins(parked)}


def parked_marker(generation: str) -> Document:
    """The document whose absence tells that parked events of this generation were lost."""
    return {"_id": generation, "generation": generation}


def create_storage(database: Database[Document], projection: Projection) -> None:
    """Create a projection's collection, which may have no index that would create it, and the missing indexes."""
    try:
        database.create_collection(projection.storage, check_exists=False)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
    create_indexes(database, projection)


def create_indexes(database: Database[Document], projection: Projection) -> list[str]:
    """Create the indexes of a projection's storage that are missing, and return their names.

    It only looks where none is missing, so that a role without the right to create indexes is enough then.
    """
    storage = projection.storage
    wanted = {
        storage: [
            IndexModel(
                list(index.fields),
                name=index.name,
                **({"partialFilterExpression": dict(index.where)} if index.where else {}),
            )
            for index in projection.indexes
        ],
        parked_collection(storage): [
            IndexModel([("key", 1), ("position", 1)], name="queue"),
            IndexModel([("stream_id", 1), ("position", 1)], name="stream"),
        ],
        PROJECTORS: [
            IndexModel("at", name="forget", expireAfterSeconds=int(_FORGET_PROJECTORS_AFTER.total_seconds()))
        ],
    }
    return [name for collection, models in wanted.items() for name in _create(database[collection], models)]


def _create(collection: Collection[Document], models: list[IndexModel]) -> list[str]:
    present = collection.index_information()
    missing = [model for model in models if not _is_in(present, model.document)]
    if not missing:
        return []
    return [f"{collection.name}.{name}" for name in collection.create_indexes(missing)]


def _is_in(present: Mapping[str, Document], model: Document) -> bool:
    """Whether the server has that very index; another one of the same name is left to the server to refuse."""
    found = present.get(model["name"])
    return (
        found is not None
        and found["key"] == list(model["key"].items())
        and found.get("partialFilterExpression") == model.get("partialFilterExpression")
    )
