"""The scalars of the schema: strict on the way in, one spelling on the way out."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from ariadne import ScalarType
from graphql import StringValueNode, ValueNode

from api.errors import InvalidInput
from api.graphql.opaque_tokens import decode_position, encode_position

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:(?P<second>\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})",
    re.ASCII | re.IGNORECASE,
)


def parse_date(value: object) -> date:
    """Raises InvalidInput for anything but YYYY-MM-DD of a day that exists."""
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass  # there is no such day
    raise InvalidInput("A Date must be an existing day, written YYYY-MM-DD, such as 2026-11-22.")


def parse_date_time(value: object) -> datetime:
    """The instant, with the offset as sent: it says which day it was there.

    Raises InvalidInput for anything but RFC 3339 with an offset.
    """
    match = _DATE_TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidInput(
            "A DateTime must be written as in RFC 3339, with its offset from UTC, such as 2026-11-22T12:30:00+01:00."
        )
    if match["second"] == "60":
        raise InvalidInput("A DateTime must have seconds from 00 to 59: leap seconds cannot be stored.")
    try:
        moment = datetime.fromisoformat(match[0].upper())
        moment.astimezone(UTC)  # overflows outside the calendar
    except (ValueError, OverflowError):
        raise InvalidInput(
            "A DateTime must be a valid instant, in UTC between the years 1 and 9999."
        ) from None
    return moment


def parse_position(value: object) -> int:
    """Raises InvalidInput for what no mutation or query of ours has answered."""
    try:
        if isinstance(value, str):
            return decode_position(value)
    except ValueError:
        pass  # said below, as for every other value
    raise InvalidInput("A Position must be a value returned by a mutation or dailySummary, unchanged.")


def format_date_time(value: datetime) -> str:
    """UTC to the millisecond, with Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _scalar(name: str, write: Callable[[Any], str], read: Callable[[object], object]) -> ScalarType:
    def read_literal(node: ValueNode, _variables: Mapping[str, object] | None = None) -> object:
        try:
            return read(node.value if isinstance(node, StringValueNode) else None)
        except InvalidInput as error:
            raise InvalidInput(error.message, node) from None

    return ScalarType(name, serializer=write, value_parser=read, literal_parser=read_literal)


SCALARS = [
    _scalar("Date", date.isoformat, parse_date),
    _scalar("DateTime", format_date_time, parse_date_time),
    _scalar("Position", encode_position, parse_position),
]
