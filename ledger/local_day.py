"""Instants and local days: an instant is UTC at millisecond precision; a day is the person's own calendar date."""

from datetime import UTC, date, datetime, timedelta

from ledger.errors import InvalidArgument
from ledger.time_zones import time_zone
from ledger.values import MealType

FUTURE_TOLERANCE = timedelta(minutes=5)
"""How far a person's clock may run ahead of the server's."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def to_instant(moment: datetime) -> datetime:
    """The same moment in UTC, cut to whole milliseconds. Raises ValueError for a moment without an offset."""
    if moment.utcoffset() is None:
        raise ValueError("an instant needs an offset from UTC")
    in_utc = moment.astimezone(UTC)
    return in_utc.replace(microsecond=in_utc.microsecond // 1000 * 1000)


def now() -> datetime:
    """This moment, as an instant."""
    return to_instant(datetime.now(UTC))


def local_date(instant: datetime, zone: str) -> date:
    """The calendar date that a clock in `zone` shows at `instant`."""
    return instant.astimezone(time_zone(zone)).date()


def usual_meal_type(instant: datetime, zone: str) -> MealType:
    """The meal of that local hour: breakfast from 5, lunch from 11, dinner from 17 to 22, else a snack."""
    hour = instant.astimezone(time_zone(zone)).hour
    if 5 <= hour < 11:
        return MealType.BREAKFAST
    if 11 <= hour < 15:
        return MealType.LUNCH
    if 17 <= hour < 22:
        return MealType.DINNER
    return MealType.SNACK


def check_eaten_at(eaten_at: datetime, at: datetime) -> datetime:
    """`eaten_at` as an instant. Raises InvalidArgument when it is before 1970 or after `at`, with a tolerance."""
    instant = to_instant(eaten_at)
    if instant > at + FUTURE_TOLERANCE:
        raise InvalidArgument("eatenAt must not be in the future.", field="eatenAt")
    if instant < EARLIEST:
        raise InvalidArgument("eatenAt must not be before 1970.", field="eatenAt")
    return instant
