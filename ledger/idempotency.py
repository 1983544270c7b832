"""Idempotency by construction: the meal's id is derived from user and key, so a duplicate request cannot append."""

import hashlib
from datetime import UTC
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import structs

from ledger.commands import AnalyzeMealPhoto
from ledger.photo_url import photo_address

_MEALS = UUID("6d61dc14-9c0b-4f0e-8f5d-6f6a1d0f3c11")


def meal_id_for(user_id: str, idempotency_key: str | None) -> UUID:
    """The id of the meal of this user's request with this key; without a key, a new id each time."""
    if idempotency_key is None:
        return uuid4()
    return uuid5(_MEALS, f"{len(user_id)}:{user_id}{idempotency_key}")


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
