"""The state of an event as a BSON document."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import methodcaller
from typing import Any
from uuid import UUID

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion, TypeDecoder, TypeRegistry
from bson.errors import BSONError, InvalidDocument
from bson.int64 import Int64
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Transcoding, UUIDAsHex

from adapters.mongo.connection.client import CODEC
from adapters.mongo.encoding.tagged_values import IntAsStr, NestedTooDeeplyError, TaggedValues

MAX_NATIVE_DEPTH = 80
"""Levels of a state that is stored natively. The server takes 200 in all and its own wrapping needs some."""

_SCALARS: frozenset[type] = frozenset({str, int, float, bool, type(None), bytes, UUID})
_BEFORE_INNER = 6  # bytes of a document that come before the value of its first name, if that name is empty
_INT64 = range(-(2**63), 2**63)
_TYPE_BYTES = frozenset({*range(0x01, 0x14), 0x7F, 0xFF})  # of the BSON specification
_DATETIME_AS_ISO, _INT_AS_STR = DatetimeAsISO(), IntAsStr()


class StateDocument(bytes):
    """BSON that is known to come back unchanged when it is stored as a document: no need to look again."""

    __slots__ = ()


class _Int64AsInt(TypeDecoder):
    bson_type = Int64
    transform_bson = int  # type: ignore[assignment] # a function in C, which is what makes it quick


class _InUtc(TypeDecoder):
    bson_type = datetime
    transform_bson = methodcaller("replace", tzinfo=UTC)  # type: ignore[assignment] # another one


# As quick as CODEC, which converts each datetime by a call of its own, and it makes plain ints of 64-bit ones, too.
_EXACT_TYPES: CodecOptions[dict[str, Any]] = CodecOptions(
    uuid_representation=UuidRepresentation.STANDARD,
    type_registry=TypeRegistry([_Int64AsInt(), _InUtc()]),
)
_EXACT: CodecOptions[dict[str, Any]] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)


class StateCodec:
    """Turns the state of an event into a BSON document and back.

    str, int, float, bool, None, bytes, UUID, list and dict are what they are in BSON. So is a datetime with a
    time zone that fits BSON's milliseconds; it comes back equal, in UTC. Any other datetime is kept in the
    library's ISO form. Tuples, ints of more than 64 bits, and dictionaries with names that BSON refuses come
    back as they were, too. Objects of other types go through the transcodings registered with `transcoder`; one
    registered for bytes, UUID or datetime, other than the library's own, is used for these.
    """

    def __init__(self, transcoder: JSONTranscoder) -> None:
        self._types = transcoder.types
        self._transcoder = transcoder
        self._forms = _forms_for(transcoder)
        self._decoding = TaggedValues(transcoder, _SCALARS, {})

    def encode(self, state: dict[str, Any]) -> bytes:
        """The BSON document of `state`; a StateDocument where it can be stored as one.

        Raises TranscodingNotRegisteredError for an object of a type without transcoding, and ValueError
        for a string that is not Unicode or for a state nested beyond reason.
        """
        try:
            forms = self._forms_now()
            try:
                data = _encode(forms.usual.encode_dict(state), CODEC)
            except (OverflowError, InvalidDocument):
                data = _encode(forms.careful.encode_dict(state), CODEC)
        except NestedTooDeeplyError:
            return _encode_deep(forms.deep, state)
        return data if _may_have_dollar_names(data) else StateDocument(data)

    def decode(self, data: bytes) -> dict[str, Any]:
        """The state that `encode` was given.

        Raises BSONError for bytes that are no BSON document, TranscodingNotRegisteredError for an
        object whose transcoding is not registered.
        """
        state = bson.decode(data, _EXACT_TYPES)
        if b"_type_\0" in data:
            return self._decoding.decode(state)  # type: ignore[no-any-return] # restored from a dict
        return state

    def _forms_now(self) -> "_Forms":
        """The forms that suit the transcodings registered at this moment."""
        types, forms = self._types, self._forms
        of_bytes, of_uuid, of_datetime = types.get(bytes), types.get(UUID), types.get(datetime)
        if (
            forms.of_bytes is not of_bytes
            or forms.of_uuid is not of_uuid
            or forms.of_datetime is not of_datetime
        ):
            forms = self._forms = _forms_for(self._transcoder)
        return forms


@dataclass(frozen=True, slots=True)
class _Forms:
    """How values become plain: as a rule, when BSON has refused that, and when they are nested deeply."""

    usual: TaggedValues
    careful: TaggedValues
    deep: TaggedValues
    of_bytes: Transcoding | None
    of_uuid: Transcoding | None
    of_datetime: Transcoding | None


def _forms_for(transcoder: JSONTranscoder) -> _Forms:
    """The forms for the transcodings registered now, which may take over what BSON has itself."""
    of_bytes, of_uuid, of_datetime = (transcoder.types.get(kind) for kind in (bytes, UUID, datetime))
    scalars, special = _SCALARS, dict[type, Callable[[Any], Any]]()
    if of_bytes is not None:
        scalars -= {bytes}
    if of_uuid is not None and type(of_uuid) is not UUIDAsHex:
        scalars -= {UUID}
    if of_datetime is None or type(of_datetime) is DatetimeAsISO:
        special[datetime] = _plain_datetime
    careful: dict[type, Callable[[Any], Any]] = {**special, int: _plain_int}
    return _Forms(
        TaggedValues(transcoder, scalars, special, None, MAX_NATIVE_DEPTH),
        TaggedValues(transcoder, scalars - {int}, careful, _names_fit, MAX_NATIVE_DEPTH),
        TaggedValues(transcoder, scalars - {int}, careful, _names_fit),
        of_bytes,
        of_uuid,
        of_datetime,
    )


def _encode(document: dict[str, Any], options: CodecOptions[Any]) -> bytes:
    if "_id" not in document:
        return bson.encode(document, codec_options=options)
    # The driver puts the _id of a document first, and leaves that of a document within another in its place.
    return bson.encode({"": document}, codec_options=options)[_BEFORE_INNER:-1]


def _encode_deep(form: TaggedValues, state: dict[str, Any]) -> bytes:
    try:
        return _encode(form.encode_dict(state), CODEC)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _may_have_dollar_names(data: bytes) -> bool:
    """Whether a name in a BSON document begins with `$`; sometimes True for other reasons.

    A name comes right after the byte that tells the type of its value. A `$` within numbers is common.
    """
    at = data.find(b"$")
    while at >= 0:
        if data[at - 1] in _TYPE_BYTES:
            return True
        at = data.find(b"$", at + 1)
    return False


def comes_back_unchanged(data: bytes) -> bool:
    """Whether `data` is a BSON document that the server stores and returns bit for bit.

    Only the one canonical way of writing a document counts: duplicate names, text that is not UTF-8,
    deprecated types and odd array indexes do not survive being decoded and encoded again. Names that begin
    with `$` mean something to the server, and it refuses documents nested too deeply.
    """
    if type(data) is StateDocument:
        return True
    if len(data) < 5 or data[-1] != 0 or int.from_bytes(data[:4], "little") != len(data):
        return False
    try:
        document = bson.decode(data, _EXACT)
        return _encode(document, _EXACT) == data and _is_storable(document, 1)
    except (BSONError, ValueError, OverflowError, RecursionError):
        return False


def _is_storable(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        if depth > MAX_NATIVE_DEPTH or any(name.startswith("$") for name in value):
            return False
        return all(_is_storable(item, depth + 1) for item in value.values())
    if isinstance(value, list):
        return depth <= MAX_NATIVE_DEPTH and all(_is_storable(item, depth + 1) for item in value)
    return not isinstance(value, (bson.Code, bson.DBRef))


def _plain_int(value: int) -> int | dict[str, Any]:
    return value if value in _INT64 else {"_type_": _INT_AS_STR.name, "_data_": _INT_AS_STR.encode(value)}


def _plain_datetime(value: datetime) -> datetime | dict[str, Any]:
    if value.tzinfo is not None and value.microsecond % 1000 == 0:
        if value.tzinfo is UTC:
            return value
        try:
            in_utc = value.astimezone(UTC)
        except OverflowError:
            pass
        else:
            if in_utc == value:
                return in_utc
    return {"_type_": _DATETIME_AS_ISO.name, "_data_": _DATETIME_AS_ISO.encode(value)}


def _names_fit(value: dict[Any, Any]) -> bool:
    return all(type(name) is str and "\0" not in name for name in value)
