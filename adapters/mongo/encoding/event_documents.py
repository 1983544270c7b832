"""Stored events as MongoDB documents, and back.

An event is one document:

| field | is |
| --- | --- |
| `_id` | the position in the application's log, a 64-bit integer; an ObjectId where there is no log (snapshots) |
| `originator_id` | the stream: a UUID (binary of subtype 4), or a string |
| `originator_version` | the version in the stream, a 64-bit integer |
| `topic` | the event's topic |
| `recorded_at` | when the append was handed in, by the clock of the process that did so |
| `append_id` | a UUID that all events of one append share, and no others |
| `state` | the state: a document where the bytes are one that MongoDB returns unchanged, else binary |

Documents are put together by hand: an event is encoded in the thread that hands it in, and its position is
known only at the moment of writing. They are taken apart by hand because reading a log is mostly that.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is an exception class
from time import time
from typing import TypeAlias
from uuid import UUID, SafeUUID

from bson import ObjectId
from bson.codec_options import DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from eventsourcing.persistence import DataError, StoredEvent

from adapters.mongo.connection.client import CODEC, Document
from adapters.mongo.encoding.state_codec import comes_back_unchanged

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""The server's limit for one document."""

POSITIONS: Document = {"_id": {"$gt": 0}}
"""A filter for the documents of a log: only a number is a position, and MongoDB compares values of one type alone."""

_RAW = CODEC.with_options(document_class=RawBSONDocument)
_LENIENT = _RAW.with_options(
    unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
_INT32, _INT64 = Struct("<i"), Struct("<q")
_POSITION_TAG, _OBJECT_ID_TAG = b"\x12_id\0", b"\x07_id\0"
_UUID_TAG, _TEXT_ID_TAG = b"\x05originator_id\0\x10\0\0\0\x04", b"\x02originator_id\0"
_VERSION_TAG = b"\x12originator_version\0"
_TOPIC_TAG = b"\x02topic\0"
_RECORDED_TAG = b"\x09recorded_at\0"
_APPEND_TAG = b"\x05append_id\0\x10\0\0\0\x04"
_NATIVE_TAG, _BINARY_TAG = b"\x03state\0", b"\x05state\0"

# An event of a log whose stream has a UUID, up to its topic's length, and from there to its state's.
_HEAD = Struct("<i5sq20s16s20sq7si")
_TAIL = Struct("<13sq16s16s7si")
_head, _tail = _HEAD.unpack_from, _TAIL.unpack_from
_NO_STREAM = UUID(int=0)
_new, _set = object.__new__, object.__setattr__


StreamKey: TypeAlias = tuple[UUID | str, int]


EventRecord: TypeAlias = tuple[int | None, UUID | str, int, str, bytes]
"""An event as it is stored: position (None where there is no log), stream, version, topic, state."""


def describe(event: StoredEvent) -> str:
    """The event, in an error message."""
    return f"event '{event.topic}' of stream {event.originator_id}, version {event.originator_version}"


def event_bodies(events: Sequence[StoredEvent], append_id: UUID) -> list[bytes]:
    """The elements of each event's document, all but `_id`.

    Raises DataError, naming stream and version, for what MongoDB cannot hold.
    """
    stamp = b"".join((_RECORDED_TAG, _INT64.pack(int(time() * 1000)), _APPEND_TAG, append_id.bytes))
    bodies = []
    for event in events:
        try:
            body = _body(event, stamp)
        except (ValueError, TypeError, AttributeError, StructError) as error:
            raise DataError(f"cannot store {describe(event)}: {error}") from error
        if len(body) > MAX_DOCUMENT_BYTES - 64:
            raise DataError(
                f"cannot store {describe(event)}: it takes {len(body)} bytes, "
                f"and MongoDB's limit for a document is {MAX_DOCUMENT_BYTES}"
            )
        bodies.append(body)
    return bodies


def _body(event: StoredEvent, stamp: bytes) -> bytes:
    name, state = stored_id(event.originator_id), event.state
    stream = _UUID_TAG + name.bytes if isinstance(name, UUID) else _text(_TEXT_ID_TAG, name)
    if comes_back_unchanged(state):
        tail = (_NATIVE_TAG, state)
    else:
        tail = (_BINARY_TAG + _INT32.pack(len(state)) + b"\0", state)
    version = _INT64.pack(event.originator_version)
    return b"".join((stream, _VERSION_TAG, version, _text(_TOPIC_TAG, event.topic), stamp, *tail))


def _text(tag: bytes, text: str) -> bytes:
    encoded = text.encode()
    return b"".join((tag, _INT32.pack(len(encoded) + 1), encoded, b"\0"))


def at_position(position: int, body: bytes) -> RawBSONDocument:
    """The document of an event of a log."""
    document = (_INT32.pack(len(body) + 18), _POSITION_TAG, _INT64.pack(position), body, b"\0")
    return RawBSONDocument(b"".join(document), _RAW)


def without_position(body: bytes) -> RawBSONDocument:
    """The document of an event that is in no log."""
    document = (_INT32.pack(len(body) + 22), _OBJECT_ID_TAG, ObjectId().binary, body, b"\0")
    return RawBSONDocument(b"".join(document), _RAW)


def records(batch: bytes) -> Iterator[EventRecord]:
    """The events in a batch of documents as the server sends it.

    Raises DataError, saying which document, for one that is no event.
    """
    start, end = 0, len(batch)
    stream_bytes, stream = b"", _NO_STREAM
    topics: dict[bytes, str] = {}
    while start < end:
        # A document is laid out as this module does it for a log and UUIDs, or else is read more slowly below. All
        # of it is in one loop because a page of a log is a thousand turns of it.
        try:
            size, id_tag, position, stream_tag, found, version_tag, version, topic_tag, topic_size = _head(
                batch, start
            )
            topic_at = start + _HEAD.size
            tail_at = topic_at + topic_size
            recorded_tag, _, append_tag, _, state_tag, state_size = _tail(batch, tail_at)
        except StructError:
            size, state_tag = _INT32.unpack_from(batch, start)[0], b""
        state_at = 0
        if state_tag == _NATIVE_TAG:
            state_at = tail_at + _TAIL.size - 4
        elif state_tag == _BINARY_TAG and batch[tail_at + _TAIL.size : tail_at + _TAIL.size + 1] == b"\0":
            state_at = tail_at + _TAIL.size + 1
        document_end = start + size
        if (
            state_at == 0
            or topic_size < 1
            or state_at + state_size + 1 != document_end
            or id_tag != _POSITION_TAG
            or stream_tag != _UUID_TAG
            or version_tag != _VERSION_TAG
            or topic_tag != _TOPIC_TAG
            or recorded_tag != _RECORDED_TAG
            or append_tag != _APPEND_TAG
        ):
            yield _laid_out_otherwise(batch[start:document_end])
        else:
            if found != stream_bytes:
                stream_bytes, stream = found, _uuid(found)
            name = batch[topic_at : tail_at - 1]
            topic = topics.get(name)
            if topic is None:
                try:
                    topic = topics[name] = name.decode()
                except UnicodeDecodeError as error:
                    raise DataError(_unreadable(batch[start:document_end], error)) from error
            yield position, stream, version, topic, batch[state_at : state_at + state_size]
        start = document_end


def _uuid(data: bytes) -> UUID:
    """UUID(bytes=data), in a third of the time."""
    made = _new(UUID)
    _set(made, "int", int.from_bytes(data, "big"))
    _set(made, "is_safe", SafeUUID.unknown)
    return made


def _laid_out_otherwise(document: bytes) -> EventRecord:
    try:
        raw = RawBSONDocument(document, _RAW)
        position, stream, version = raw.get("_id"), raw.get("originator_id"), raw.get("originator_version")
        topic, state = raw.get("topic"), raw.get("state")
    except (BSONError, ValueError) as error:
        raise DataError(_unreadable(document, error)) from error
    state = state.raw if isinstance(state, RawBSONDocument) else state
    if (
        isinstance(position, (int, ObjectId))
        and isinstance(stream, (UUID, str))
        and isinstance(version, int)
        and isinstance(topic, str)
        and isinstance(state, bytes)
    ):
        in_log = int(position) if isinstance(position, int) else None
        return in_log, stream, int(version), topic, bytes(state)
    raise DataError(
        f"document {position!r} of the event store is no event (stream {stream}, version {version}, topic {topic!r})"
    )


def _unreadable(document: bytes, error: Exception) -> str:
    try:
        raw = RawBSONDocument(document, _LENIENT)
        position, stream, version = raw.get("_id"), raw.get("originator_id"), raw.get("originator_version")
    except (BSONError, ValueError):
        return f"a document of the event store cannot be read: {error}"
    return f"document {position!r} of the event store cannot be read (stream {stream}, version {version}): {error}"


def position_of(document: Document, collection: str) -> int:
    """The position of a document of a log.

    Raises DataError when it has none, so that another program must have written it.
    """
    position = document["_id"]
    if isinstance(position, int) and not isinstance(position, bool):
        return int(position)
    raise DataError(
        f"document {position!r} of {collection} is no event, because its _id is no whole number: "
        "remove it, or move it to another collection"
    )


def stored_id(originator_id: UUID | str) -> UUID | str:
    """A stream's id as it is stored and looked for: a UUID of whatever class as a UUID, all else as a string."""
    return originator_id if isinstance(originator_id, UUID) else str(originator_id)


def stream_key(originator_id: UUID | str, originator_version: int) -> StreamKey:
    """The unique key of an event: its stream, as it is stored, and its version."""
    return stored_id(originator_id), originator_version
