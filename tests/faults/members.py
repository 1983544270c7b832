"""What each member of a replica set holds of an event store, read past the store itself."""

import zlib
from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, MongoClient, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from tests.faults.history import Copy, Place
from tests.faults.node import Document
from tests.faults.replica_set import ReplicaSet
from tests.faults.store import Store

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(
    document_class=RawBSONDocument, uuid_representation=UuidRepresentation.STANDARD
)
_READ_SECONDS = 30.0


def copies_of_members(replica_set: ReplicaSet, store: Store) -> Mapping[str, Sequence[Copy]]:
    """By address: the documents of the store's events that a majority has, as this member alone shows them.

    The set has to be healthy. Each member is read after all that was written before.
    """
    with replica_set.primary().client(_READ_SECONDS) as client, client.start_session() as session:
        beats = client.get_database("faults_health").get_collection(
            "beats", write_concern=WriteConcern(w="majority")
        )
        beats.update_one({"_id": "beat"}, {"$inc": {"count": 1}}, upsert=True, session=session)
        operation_time, cluster_time = session.operation_time, session.cluster_time
        assert operation_time is not None
        assert cluster_time is not None
    copies = {}
    for node in replica_set.nodes:
        with node.client(_READ_SECONDS) as client, client.start_session(causal_consistency=True) as session:
            session.advance_operation_time(operation_time)
            session.advance_cluster_time(cluster_time)
            copies[node.address] = _copies(client, store, session)
    return copies


def _copies(client: MongoClient[Document], store: Store, session: ClientSession) -> list[Copy]:
    plain = client.get_database(store.database).get_collection(
        store.events_collection, read_concern=ReadConcern("majority")
    )
    events = cast("Collection[RawBSONDocument]", plain.with_options(codec_options=_RAW))
    found = events.find(sort=[("_id", ASCENDING)], session=session)
    return [
        Copy(
            each["_id"],
            Place(str(each["originator_id"]), int(each["originator_version"])),
            str(UUID(str(each["append_id"]))),
            zlib.crc32(each.raw),
        )
        for each in found
    ]
