"""Text that means something to us and nothing to clients: positions of the log and cursors of a history.

A short digest is part of it, so that a cut-off, mistyped or made-up text is refused instead of read as another value.
It keeps no secret and grants nothing: what it names is always looked up within the person's own data.
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from projections import HistoryCursor

_POSITION = b"position"
_CURSOR = b"cursor"
_DIGEST_SIZE = 4
_LONGEST = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def encode_position(position: int) -> str:
    return _seal(_POSITION, position.to_bytes(8, "big"))


def decode_position(text: str) -> int:
    """Raises ValueError for what `encode_position` never returned."""
    payload = _unseal(_POSITION, text)
    position = int.from_bytes(payload, "big")
    if len(payload) != 8 or position >= 2**63:
        raise ValueError("not a position")
    return position


def encode_cursor(cursor: HistoryCursor) -> str:
    milliseconds = (cursor.eaten_at - _EPOCH) // _MILLISECOND
    return _seal(_CURSOR, milliseconds.to_bytes(8, "big", signed=True) + UUID(cursor.meal_id).bytes)


def decode_cursor(text: str) -> HistoryCursor:
    """Raises ValueError for what `encode_cursor` never returned."""
    payload = _unseal(_CURSOR, text)
    if len(payload) != 24:
        raise ValueError("not a cursor")
    try:
        eaten_at = _EPOCH + int.from_bytes(payload[:8], "big", signed=True) * _MILLISECOND
    except OverflowError as error:
        raise ValueError("not a cursor") from error
    return HistoryCursor(eaten_at=eaten_at, meal_id=str(UUID(bytes=payload[8:])))


def _seal(kind: bytes, payload: bytes) -> str:
    return base64.urlsafe_b64encode(payload + _digest(kind, payload)).rstrip(b"=").decode("ascii")


def _unseal(kind: bytes, text: str) -> bytes:
    if len(text) > _LONGEST:
        raise ValueError("too long")
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    payload = sealed[:-_DIGEST_SIZE]
    if _seal(kind, payload) != text:
        raise ValueError("not ours, or not whole")
    return payload


def _digest(kind: bytes, payload: bytes) -> bytes:
    return blake2b(payload, digest_size=_DIGEST_SIZE, person=kind).digest()
