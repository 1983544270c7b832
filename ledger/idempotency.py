"""Idempotency by construction: the meal's id is derived from user and key, so a duplicate request cannot append."""

import hashlib
import hmac
from datetime import UTC
from uuid import UUID, uuid4

import msgspec
from msgspec import structs

from ledger.commands import AnalyzeMealPhoto
from ledger.photo_url import photo_address

_VERSION_AND_VARIANT = 0xF << 76 | 3 << 62


def meal_id_for(user_id: str, idempotency_key: str | None, secret: bytes) -> UUID:
    """The id of the meal of this user's request with this key; without a key, a new id each time.

    It is keyed with `secret` (HMAC-SHA-256), so that nobody can tell the meals of a person from what they know of them.
    With another secret a request sent again is a new one. The version is that of ids of one's own making (RFC 9562, 8).
    """
    if idempotency_key is None:
        return uuid4()
    request = f"{len(user_id)}:{user_id}{idempotency_key}".encode()
    digest = int.from_bytes(hmac.digest(secret, request, "sha256")[:16])
    return UUID(int=digest & ~_VERSION_AND_VARIANT | 8 << 76 | 2 << 62)


def fingerprint(meal_id: UUID, command: AnalyzeMealPhoto) -> str:
    """A digest of the arguments as sent, before defaults; with the meal's id, so that it differs from meal to meal.

    Of the photo's URL it has scheme, host and path: a newly signed address of the same photo is the same request. Of
    the time, where the command names no zone, it has the offset, which then says the day.
    """
    return _digest(meal_id, structs.replace(command, photo_url=photo_address(command.photo_url)))


def former_fingerprint(meal_id: UUID, command: AnalyzeMealPhoto) -> str:
    """The same as earlier versions of the ledger stored it: of the whole URL, and of the time in UTC."""
    return _digest(meal_id, _in_utc(command))


def _digest(meal_id: UUID, command: AnalyzeMealPhoto) -> str:
    arguments = msgspec.to_builtins(command if command.time_zone is None else _in_utc(command))
    del arguments["idempotency_key"]
    sent = {name: value for name, value in arguments.items() if value is not None}
    return hashlib.sha256(meal_id.bytes + msgspec.json.encode(sent, order="deterministic")).hexdigest()


def _in_utc(command: AnalyzeMealPhoto) -> AnalyzeMealPhoto:
    if command.eaten_at is None:
        return command
    return structs.replace(command, eaten_at=command.eaten_at.astimezone(UTC))
