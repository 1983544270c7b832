"""The state of an event as BSON: everything comes back as it was, or is refused with a clear error."""

import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import bson
import pytest
from bson.codec_options import CodecOptions
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Transcoding,
    TranscodingNotRegisteredError,
    UUIDAsHex,
)
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.mongo.encoding.state_codec import (
    MAX_NATIVE_DEPTH,
    StateCodec,
    StateDocument,
    comes_back_unchanged,
)
from adapters.mongo.encoding.transcoder import MongoTranscoder

TOKYO = timezone(timedelta(hours=9))
AS_STORED: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=4, tz_aware=True)


def codec_with(*transcodings: Transcoding, transcoder: JSONTranscoder | None = None) -> StateCodec:
    transcoder = transcoder or MongoTranscoder()
    for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO(), *transcodings):
        transcoder.register(transcoding)
    return StateCodec(transcoder)


def same(one: object, other: object) -> bool:
    """Equal, and of the same types all the way down; every NaN is the same."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(
            same(a, b) and same(one[a], other[b]) for a, b in zip(one, other, strict=True)
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("d", one) == struct.pack("d", other) or (math.isnan(one) and math.isnan(other))
    return one == other


unicode_text = st.text(st.characters(exclude_categories=["Cs"]))
datetimes = st.datetimes(timezones=st.none() | st.sampled_from([UTC, TOKYO, timezone(timedelta(seconds=-7))]))
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | unicode_text | st.binary() | st.uuids() | datetimes
    | st.decimals(allow_nan=False)
)  # fmt: skip
keys = unicode_text | st.integers() | st.sampled_from(["_type_", "_data_", "a\0b", "$set", ""])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(unicode_text, values, max_size=6))
@example({"_type_": "uuid_hex", "_data_": "x"})
@example({"tags": {"_type_": "tuple_as_list", "_data_": [1]}, "more": {"_type_": 1, "_data_": 2, "x": 3}})
@example({"small": -(2**31), "large": 2**31, "larger": -(2**63), "huge": 2**63, "a\0b": 1})
def test_every_state_comes_back_as_it_was(state: dict[str, Any]) -> None:
    codec = codec_with()
    assert same(codec.decode(codec.encode(state)), state)


@given(datetimes)
def test_every_datetime_comes_back_equal(moment: datetime) -> None:
    codec = codec_with()
    data = codec.encode({"at": moment})
    restored = codec.decode(data)["at"]
    assert restored == moment
    if moment.tzinfo is not None and moment.microsecond % 1000 == 0:
        assert restored.tzinfo is UTC
        assert isinstance(bson.decode(data, AS_STORED)["at"], datetime)
    else:
        assert bson.decode(data)["at"] == {"_type_": "datetime_iso", "_data_": moment.isoformat()}


@pytest.mark.parametrize("fold", [0, 1])
def test_a_moment_in_a_repeated_hour_keeps_its_offset(fold: int) -> None:
    moment = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
    codec = codec_with()
    restored = codec.decode(codec.encode({"at": moment}))["at"]
    assert restored.astimezone(UTC) == moment.astimezone(UTC)


@pytest.mark.parametrize("transcoder", [MongoTranscoder(), JSONTranscoder()])
def test_what_bson_has_is_native_and_custom_types_are_tagged(transcoder: JSONTranscoder) -> None:
    codec, key = codec_with(transcoder=transcoder), uuid4()
    moment = datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)
    state = {
        "name": "rice",
        "grams": 1.5,
        "id": key,
        "at": moment,
        "raw": b"x",
        "kcal": Decimal("1.50"),
        "pair": (1, 2),
    }
    assert bson.decode(codec.encode(state), AS_STORED) == {
        "name": "rice",
        "grams": 1.5,
        "id": key,
        "at": moment,
        "raw": b"x",
        "kcal": {"_type_": "decimal_str", "_data_": "1.50"},
        "pair": {"_type_": "tuple_as_list", "_data_": [1, 2]},
    }
    assert same(codec.decode(codec.encode(state)), state)


class Colour(StrEnum):
    RED = "red"


class ColourAsName(Transcoding):
    type = Colour
    name = "colour_name"

    def encode(self, obj: Colour) -> str:
        return obj.name

    def decode(self, data: str) -> Colour:
        return Colour[data]


class UUIDAsNumber(Transcoding):
    type = UUID
    name = "uuid_number"

    def encode(self, obj: UUID) -> int:
        return obj.int

    def decode(self, data: int) -> UUID:
        return UUID(int=data)


class BytesAsHex(Transcoding):
    type = bytes
    name = "bytes_hex"

    def encode(self, obj: bytes) -> str:
        return obj.hex()

    def decode(self, data: str) -> bytes:
        return bytes.fromhex(data)


def test_a_scalar_subclass_needs_its_own_transcoding() -> None:
    codec = codec_with(ColourAsName())
    assert same(codec.decode(codec.encode({"colours": [Colour.RED]})), {"colours": [Colour.RED]})
    with pytest.raises(TranscodingNotRegisteredError, match="Colour"):
        codec_with().encode({"colours": [Colour.RED]})


def test_a_custom_transcoding_overrides_a_bson_type() -> None:
    codec = codec_with(UUIDAsNumber(), BytesAsHex())
    state = {"id": UUID(int=2**127), "raw": b"\xff"}
    assert bson.decode(codec.encode(state)) == {
        "id": {"_type_": "uuid_number", "_data_": {"_type_": "int_as_str", "_data_": str(2**127)}},
        "raw": {"_type_": "bytes_hex", "_data_": "ff"},
    }
    assert same(codec.decode(codec.encode(state)), state)


def test_a_transcoding_registered_late_is_used() -> None:
    transcoder = JSONTranscoder()
    codec = StateCodec(transcoder)
    codec.encode({"id": uuid4()})
    transcoder.register(UUIDAsNumber())
    assert bson.decode(codec.encode({"id": UUID(int=5)})) == {"id": {"_type_": "uuid_number", "_data_": 5}}


@pytest.mark.parametrize("bad", ["\ud800", {"a": ["\ud800"]}, {"\ud800": 1}])
def test_what_is_no_unicode_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="surrogates"):
        codec_with().encode({"text": bad})


def test_a_tag_without_transcoding_is_refused() -> None:
    with pytest.raises(TranscodingNotRegisteredError, match="'mystery'"):
        codec_with().decode(bson.encode({"a": {"_type_": "mystery", "_data_": 1}}))


def nested(levels: int) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for _ in range(levels - 1):
        state = {"a": state}
    return state


@pytest.mark.parametrize("levels", [MAX_NATIVE_DEPTH, MAX_NATIVE_DEPTH + 1, 150])
def test_a_state_is_native_up_to_a_depth(levels: int) -> None:
    """A deeper one comes back too."""
    data = codec_with().encode(nested(levels))
    assert codec_with().decode(data) == nested(levels)
    assert comes_back_unchanged(data) is comes_back_unchanged(bytes(data)) is (levels <= MAX_NATIVE_DEPTH)


def test_a_state_nested_beyond_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="too deeply"):
        codec_with().encode(nested(100_000))


@given(st.dictionaries(unicode_text, values, max_size=6))
def test_every_native_state_comes_back_unchanged(state: dict[str, Any]) -> None:
    data = codec_with().encode(state)
    if type(data) is StateDocument:
        assert comes_back_unchanged(bytes(data))


def element(kind: int, name: bytes, value: bytes) -> bytes:
    return bytes([kind]) + name + b"\0" + value


def document(*elements: bytes) -> bytes:
    body = b"".join(elements) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


ONE = struct.pack("<i", 1)


VALUES: list[object] = [
    None,
    True,
    1,
    2**40,
    0.5,
    "text",
    b"bytes",
    uuid4(),
    datetime(2025, 1, 1, tzinfo=UTC),
    [],
    {},
    Decimal(1),
    2**70,
    (1,),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("before", [0, "$", 36.0], ids=["first", "after text", "after a number"])
def test_a_name_with_a_dollar_is_seen_before_any_value(value: object, before: object) -> None:
    codec = codec_with()
    for state in ({"a": before, "$b": value}, {"a": before, "b": [{"$b": value}]}, {"$": value}):
        data = codec.encode(state)
        assert type(data) is bytes
        assert not comes_back_unchanged(data)
        assert codec.decode(data) == state


@given(
    st.lists(
        st.sampled_from(["$", "$$a", "a$", 36, 36.0, 2**40 + 36, b"$", datetime(2024, 1, 1, tzinfo=UTC)])
    )
)
def test_a_dollar_in_a_value_leaves_the_state_native(values: list[Any]) -> None:
    data = codec_with().encode({"values": values, "other$": values, "text": "$"})
    assert comes_back_unchanged(bytes(data))
    assert type(data) is StateDocument


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x05\0\0\0", id="cut short"),
        pytest.param(b"{}", id="JSON"),
        pytest.param(document(element(0x10, b"a", ONE), element(0x10, b"a", ONE)), id="a name twice"),
        pytest.param(document(element(0x02, b"a", b"\x02\0\0\0\xff\0")), id="not UTF-8"),
        pytest.param(document(element(0x02, b"a", b"\x09\0\0\0a\0")), id="a string longer than all"),
        pytest.param(document(element(0x06, b"a", b"")), id="undefined, deprecated"),
        pytest.param(document(element(0x0E, b"a", b"\x02\0\0\0a\0")), id="symbol, deprecated"),
        pytest.param(document(element(0x0D, b"a", b"\x02\0\0\0a\0")), id="code"),
        pytest.param(document(element(0x08, b"a", b"\x02")), id="a boolean that is 2"),
        pytest.param(document(element(0x04, b"a", document(element(0x10, b"7", ONE)))), id="an array from 7"),
        pytest.param(document(element(0x10, b"$inc", ONE)), id="a name with a dollar"),
        pytest.param(document(element(0x42, b"a", ONE)), id="a type that is none"),
        pytest.param(document() + b"\0", id="something after it"),
    ],
)
def test_bytes_that_only_look_like_a_document_are_told_apart(data: bytes) -> None:
    assert not comes_back_unchanged(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(document(), id="empty"),
        pytest.param(
            document(element(0x09, b"a", struct.pack("<q", 2**62))), id="a date beyond the year 9999"
        ),
        pytest.param(document(element(0x12, b"a", struct.pack("<q", 1))), id="a small number in 64 bits"),
        pytest.param(
            document(element(0x05, b"a", b"\x01\0\0\0\x80x")), id="binary of a subtype of one's own"
        ),
        pytest.param(document(element(0x10, b"_id", ONE), element(0x10, b"", ONE)), id="odd names"),
    ],
)
def test_canonical_documents_are_storable(data: bytes) -> None:
    assert comes_back_unchanged(data)
