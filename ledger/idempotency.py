"""Idempotency by construction: the meal's id is derived from user and key, so a duplicate request cannot append."""

import hashlib
from uuid import UUID, uuid4, uuid5

import msgspec

from ledger.commands import AnalyzeMealPhoto

_MEALS = UUID("6d61dc14-9c0b-4f0e-8f5d-6f6a1d0f3c11")


def meal_id_for(user_id: str, idempotency_key: str | None) -> UUID:
    """The id of the meal of this user's request with this key; without a key, a new id each time."""
    if idempotency_key is None:
        return uuid4()
    return uuid5(_MEALS, f"{len(user_id)}:{user_id}{idempotency_key}")


def fingerprint(meal_id: UUID, command: AnalyzeMealPhoto) -> str:
    """A digest of the arguments as sent, before defaults; with the meal's id, so that it differs from meal to meal."""
    arguments = msgspec.to_builtins(command)
    del arguments["idempotency_key"]
    sent = {name: value for name, value in arguments.items() if value is not None}
    return hashlib.sha256(meal_id.bytes + msgspec.json.encode(sent, order="deterministic")).hexdigest()
