"""A day is the person's own calendar date, worked out from instant and zone."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import InvalidArgument, MealType
from ledger.local_day import (
    EARLIEST,
    FUTURE_TOLERANCE,
    check_eaten_at,
    local_date,
    now,
    to_instant,
    usual_meal_type,
)
from ledger.time_zones import time_zone, zone_names


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2025-11-13T07:59:59.999", "Pacific/Pitcairn", "2025-11-12"),  # -08:00
        ("2025-11-13T08:00", "Pacific/Pitcairn", "2025-11-13"),
        ("2025-11-12T18:14:59.999", "Asia/Kathmandu", "2025-11-12"),  # +05:45
        ("2025-11-12T18:15", "Asia/Kathmandu", "2025-11-13"),
        ("2025-07-12T10:59:59.999", "Pacific/Tongatapu", "2025-07-12"),  # +13:00
        ("2025-07-12T11:00", "Pacific/Tongatapu", "2025-07-13"),
        ("2025-11-13T23:59:59.999", "UTC", "2025-11-13"),
        ("2025-03-30T00:59:59", "Europe/Berlin", "2025-03-30"),  # an hour is missing at 02:00
        ("2025-03-30T22:00", "Europe/Berlin", "2025-03-31"),
        ("2025-10-25T22:00", "Europe/Berlin", "2025-10-26"),  # a day of 25 hours
        ("2025-10-26T22:59:59", "Europe/Berlin", "2025-10-26"),
        ("2025-10-26T23:00", "Europe/Berlin", "2025-10-27"),
        ("2025-11-02T03:59:59", "America/New_York", "2025-11-01"),
        ("2025-11-02T04:00", "America/New_York", "2025-11-02"),
        ("2018-11-04T03:30", "America/Sao_Paulo", "2018-11-04"),  # midnight itself is missing
        ("2025-11-22T05:30", "-08:00", "2025-11-21"),
        ("2025-11-22T08:00", "-08:00", "2025-11-22"),
        ("2025-11-21T18:15", "+05:45", "2025-11-22"),
    ],
)
def test_the_local_date_is_the_zones_own(instant: str, zone: str, day: str) -> None:
    assert local_date(utc(instant), zone) == date.fromisoformat(day)


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001 - a zone is added below
    st.sampled_from(sorted(zone_names())),
)
def test_a_local_date_is_within_a_day_of_utc(moment: datetime, zone: str) -> None:
    instant = to_instant(moment.replace(tzinfo=UTC))
    assert abs(local_date(instant, zone) - instant.date()) <= timedelta(days=1)


@pytest.mark.parametrize(
    ("local", "meal_type"),
    [
        ("04:59", MealType.SNACK), ("05:00", MealType.BREAKFAST), ("10:59", MealType.BREAKFAST),
        ("11:00", MealType.LUNCH), ("14:59", MealType.LUNCH), ("15:00", MealType.SNACK),
        ("16:59", MealType.SNACK), ("17:00", MealType.DINNER), ("21:59", MealType.DINNER),
        ("22:00", MealType.SNACK),
    ],
)  # fmt: skip
def test_the_usual_meal_type_goes_by_the_local_hour(local: str, meal_type: MealType) -> None:
    there = datetime.fromisoformat(f"2025-11-13T{local}").replace(tzinfo=time_zone("Asia/Kathmandu"))
    assert usual_meal_type(to_instant(there), "Asia/Kathmandu") is meal_type


def test_an_instant_is_utc_at_millisecond_precision() -> None:
    there = datetime(2025, 11, 13, 12, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=2)))
    assert to_instant(there) == utc("2025-11-13T10:00:00.123")
    assert now().microsecond % 1000 == 0
    with pytest.raises(ValueError, match="offset"):
        to_instant(datetime(2025, 11, 13))  # noqa: DTZ001 - that is what is refused


def test_a_meal_lies_neither_in_the_future_nor_before_1970() -> None:
    at = utc("2025-11-13T12:00")
    assert check_eaten_at(at + FUTURE_TOLERANCE, at) == at + FUTURE_TOLERANCE
    assert check_eaten_at(EARLIEST, at) == EARLIEST
    for impossible in (
        at + FUTURE_TOLERANCE + timedelta(milliseconds=1),
        EARLIEST - timedelta(milliseconds=1),
    ):
        with pytest.raises(InvalidArgument) as refused:
            check_eaten_at(impossible, at)
        assert refused.value.field == "eatenAt"
