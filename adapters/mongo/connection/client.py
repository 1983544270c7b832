"""The one place that makes MongoDB clients, synchronous and asynchronous."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal, TypeAlias, cast

from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from eventsourcing.persistence import InterfaceError, NotSupportedError
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, MongoClient, ReadPreference
from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from adapters.mongo.connection.errors import is_half_started, library_errors, one_line

Document: TypeAlias = dict[str, Any]
Driver: TypeAlias = Literal["motor", "pymongo"]

JOURNALED_MAJORITY = WriteConcern(w="majority", j=True)
MAJORITY = ReadConcern("majority")
PRIMARY = ReadPreference.PRIMARY

CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=True, tzinfo=UTC, uuid_representation=UuidRepresentation.STANDARD
)
"""How every document is read and written: datetimes in UTC, UUIDs as binary of subtype 4."""


@dataclass(frozen=True)
class ClientSettings:
    """What a client needs to know; times are in seconds.

    The time-outs lie well below the deadlines of the callers, so that there is time left to try again.
    """

    url: str
    app_name: str
    max_pool_size: int = 100
    min_pool_size: int = 0
    server_selection_timeout: float = 5.0
    connect_timeout: float = 2.0
    socket_timeout: float = 20.0
    pool_timeout: float = 10.0

    def options(self) -> Document:
        """The options of the driver. Given beside the URL, they take precedence over those in it."""
        return {
            "appname": self.app_name.encode()[:128].decode(errors="ignore"),
            "w": "majority",
            "journal": True,
            "readConcernLevel": "majority",
            "retryWrites": True,
            "retryReads": True,
            "tz_aware": True,
            "tzinfo": UTC,
            "uuidRepresentation": "standard",
            "maxPoolSize": self.max_pool_size,
            "minPoolSize": min(self.min_pool_size, self.max_pool_size),
            "serverSelectionTimeoutMS": round(self.server_selection_timeout * 1000),
            "connectTimeoutMS": round(self.connect_timeout * 1000),
            "socketTimeoutMS": round(self.socket_timeout * 1000),
            "waitQueueTimeoutMS": round(self.pool_timeout * 1000),
            # A frozen primary is noticed after this and the connection time-out together.
            "heartbeatFrequencyMS": 2000,
        }


def make_client(settings: ClientSettings) -> MongoClient[Document]:
    """A synchronous client. It connects when it is first used; its maker closes it.

    Raises InterfaceError when the URL or an option in it is malformed.
    """
    try:
        return MongoClient(settings.url, **settings.options())
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise InterfaceError(f"the MongoDB URL cannot be used: {one_line(error)}") from None


def make_async_client(settings: ClientSettings, driver: Driver = "motor") -> AsyncMongoClient[Document]:
    """An asynchronous client of the driver that is asked for.

    Only what both drivers have in common may be used, which is why the type names one of them. The client
    belongs to the event loop that first uses it. Closing differs: see `close_async_client`.

    Raises InterfaceError when the URL or an option in it is malformed.
    """
    try:
        if driver == "pymongo":
            return AsyncMongoClient(settings.url, **settings.options())
        return cast("AsyncMongoClient[Document]", AsyncIOMotorClient(settings.url, **settings.options()))
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise InterfaceError(f"the MongoDB URL cannot be used: {one_line(error)}") from None


def renew_connections(client: MongoClient[Document], error: PyMongoError) -> None:
    """If `error` tells of a member that had only just started, have all of a client's connections made anew.

    The driver takes from the first words on a connection whether the server has sessions, and keeps a connection
    that was made too early in its pool, where it would be used again when the member is a primary. It has no public
    way to drop one.
    """
    if is_half_started(error):
        for server in list(client._topology._servers.values()):
            server.pool.reset_without_pause()


async def close_async_client(client: AsyncMongoClient[Document]) -> None:
    """Close a client of either driver: Motor's `close` returns nothing, PyMongo's has to be awaited."""
    closing = cast("Any", client).close()
    if closing is not None:
        await closing


def require_replica_set(client: MongoClient[Document]) -> None:
    """Make sure that the server can hold a majority to its word.

    Raises NotSupportedError for a standalone server, and for a replica set with an arbiter, whose majority can
    acknowledge what only one member has; OperationalError when no server answers.
    """
    with library_errors("cannot reach MongoDB"):
        hello = client.admin.command("hello")
    if hello.get("msg") == "isdbgrid":
        return
    if "setName" not in hello:
        raise NotSupportedError(
            "MongoDB at this address is a standalone server: "
            "start it with --replSet and initiate the set (one member is enough)"
        )
    if hello.get("arbiters"):
        raise NotSupportedError(
            f"the replica set {hello['setName']!r} has an arbiter: replace it by a member that holds data"
        )
