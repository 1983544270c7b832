"""Validation of the arguments of commands, beyond their types. Failures raise InvalidArgument."""

import re
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from ledger.commands import EntryAmount
from ledger.errors import InvalidArgument
from ledger.local_day import check_eaten_at, local_date, usual_meal_type
from ledger.nutrition import MAX_GRAMS, is_amount, rounded
from ledger.time_zones import canonical_zone
from ledger.values import MealType, Timing

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline (Unicode's category Cc), and those that turn the direction of a text."""

MAX_HINT = 500
MAX_NOTES = 2000
MAX_KEY = 255


def parse_meal_id(text: str) -> UUID:
    """The meal's id. Raises InvalidArgument for a text that is not a UUID."""
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidArgument("mealId must be a UUID.", field="mealId") from error


def check_text(text: str | None, *, field: str, longest: int) -> str | None:
    """`text` without surrounding blanks, its lines ended by a newline each, or None if it is blank.

    Raises InvalidArgument for a text of more than `longest` characters, for invalid Unicode, and for characters that no
    person writes and no reader sees: they could make a text look like another one, or command a terminal.
    """
    if text is None:
        return None
    if len(text) > longest:
        raise InvalidArgument(f"{field} must have at most {longest} characters.", field=field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"{field} is not valid Unicode.", field=field) from error
    text = text.replace("\r\n", "\n").strip()
    if (found := _UNSEEN.search(text)) is not None:
        raise InvalidArgument(
            f"{field} has the control character U+{ord(found[0]):04X}, which is not allowed.", field=field
        )
    return text or None


def check_idempotency_key(key: str | None) -> str | None:
    """`key` as sent. Raises InvalidArgument for an empty key: requests with it would all be duplicates of the first."""
    if key is None:
        return None
    if check_text(key, field="idempotencyKey", longest=MAX_KEY) is None:
        raise InvalidArgument("idempotencyKey must not be empty.", field="idempotencyKey")
    return key


def check_timing(*, meal_type: MealType | None, eaten_at: datetime, time_zone: str, at: datetime) -> Timing:
    """The meal's timing; its type defaults to the usual one of the local hour. Raises InvalidArgument."""
    instant = check_eaten_at(eaten_at, at)
    zone = canonical_zone(time_zone)
    return Timing(
        meal_type=meal_type or usual_meal_type(instant, zone),
        eaten_at=instant,
        time_zone=zone,
        local_date=local_date(instant, zone),
    )


def check_amounts(amounts: Iterable[EntryAmount] | None) -> dict[str, float]:
    """Grams by entry id, to three decimals. Raises InvalidArgument for a bad amount or a duplicate entry."""
    checked: dict[str, float] = {}
    for amount in amounts or ():
        if amount.entry_id in checked:
            raise InvalidArgument("entries must not name an entry twice.", field="entries")
        if not is_amount(amount.quantity_g):
            raise InvalidArgument(
                f"quantityG must be more than 0 and at most {MAX_GRAMS:.0f} grams.", field="entries"
            )
        checked[amount.entry_id] = rounded(amount.quantity_g)
    return checked
