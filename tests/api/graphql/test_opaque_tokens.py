"""Positions and cursors: what comes back is what was given, and nothing else comes back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.graphql import opaque_tokens
from api.graphql.opaque_tokens import decode_cursor, decode_position, encode_cursor, encode_position
from projections import HistoryCursor

POSITIONS = st.integers(min_value=0, max_value=2**63 - 1)
CURSORS = st.builds(
    lambda eaten_at, meal_id: HistoryCursor(
        eaten_at=eaten_at.replace(microsecond=eaten_at.microsecond // 1000 * 1000), meal_id=str(meal_id)
    ),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
)


@settings(deadline=None)
@given(POSITIONS)
def test_a_position_survives(position: int) -> None:
    text = encode_position(position)
    assert decode_position(text) == position
    assert str(position) not in text or position < 1000


@settings(deadline=None)
@given(CURSORS)
def test_a_cursor_survives(cursor: HistoryCursor) -> None:
    assert decode_cursor(encode_cursor(cursor)) == cursor


@settings(deadline=None)
@given(st.text(max_size=80))
def test_made_up_text_is_refused(text: str) -> None:
    for decode in (decode_position, decode_cursor):
        with pytest.raises(ValueError, match=r".+"):
            decode(text)


@settings(deadline=None)
@given(POSITIONS, st.data())
def test_a_changed_character_is_noticed(position: int, data: st.DataObject) -> None:
    text = encode_position(position)
    at = data.draw(st.integers(min_value=0, max_value=len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != text[at]))
    with pytest.raises(ValueError, match=r".+"):
        decode_position(text[:at] + other + text[at + 1 :])


def test_one_kind_is_never_taken_for_the_other() -> None:
    cursor = encode_cursor(
        HistoryCursor(
            eaten_at=datetime(2026, 1, 1, tzinfo=UTC), meal_id="7a4ae2a8-7a0c-4d5d-9b56-3b5d0c9d1a11"
        )
    )
    with pytest.raises(ValueError, match="not ours"):
        decode_position(cursor)
    with pytest.raises(ValueError, match="not ours"):
        decode_cursor(encode_position(7))


@pytest.mark.parametrize("milliseconds", [-(2**63), 2**63 - 1])
def test_a_cursor_beyond_the_calendar_is_refused(milliseconds: int) -> None:
    text = opaque_tokens._seal(b"cursor", milliseconds.to_bytes(8, "big", signed=True) + bytes(16))
    with pytest.raises(ValueError, match="not a cursor"):
        decode_cursor(text)


@pytest.mark.parametrize("payload", [b"", bytes(23), bytes(25)])
def test_a_cursor_has_an_instant_and_an_id(payload: bytes) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        decode_cursor(opaque_tokens._seal(b"cursor", payload))


@pytest.mark.parametrize("payload", [b"", b"\x01", bytes(9), (2**63).to_bytes(8, "big")])
def test_a_position_has_eight_bytes_and_fits_the_log(payload: bytes) -> None:
    with pytest.raises(ValueError, match="not a position"):
        decode_position(opaque_tokens._seal(b"position", payload))


def test_a_cursor_keeps_the_millisecond() -> None:
    eaten_at = datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC) + timedelta(milliseconds=0)
    cursor = HistoryCursor(eaten_at=eaten_at, meal_id="7a4ae2a8-7a0c-4d5d-9b56-3b5d0c9d1a11")
    assert decode_cursor(encode_cursor(cursor)).eaten_at == eaten_at
