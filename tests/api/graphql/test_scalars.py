"""Dates and times: strict on the way in, one spelling on the way out."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import InvalidInput
from api.graphql.scalars import format_date_time, parse_date, parse_date_time, parse_position


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-22T12:30:00Z", datetime(2026, 11, 22, 12, 30, tzinfo=UTC)),
        ("2026-11-22t12:30:00z", datetime(2026, 11, 22, 12, 30, tzinfo=UTC)),
        ("2026-11-22T12:30:00+05:45", datetime(2026, 11, 22, 6, 45, tzinfo=UTC)),
        ("2026-11-22T12:30:00-08:00", datetime(2026, 11, 22, 20, 30, tzinfo=UTC)),
        ("2026-11-22T12:30:00-00:00", datetime(2026, 11, 22, 12, 30, tzinfo=UTC)),
        ("2026-11-22T12:30:00.5Z", datetime(2026, 11, 22, 12, 30, 0, 500000, tzinfo=UTC)),
        ("2026-11-22T12:30:00.123456789Z", datetime(2026, 11, 22, 12, 30, 0, 123456, tzinfo=UTC)),
        ("2024-02-29T23:59:59+13:00", datetime(2024, 2, 29, 10, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_rfc_3339_writes_it(text: str, instant: datetime) -> None:
    assert parse_date_time(text) == instant


@pytest.mark.parametrize(
    ("offset", "minutes"),
    [("Z", 0), ("z", 0), ("+00:00", 0), ("-00:00", 0), ("-08:00", -480), ("+05:45", 345), ("+14:00", 840)],
)
def test_an_instant_keeps_the_offset_it_came_with(offset: str, minutes: int) -> None:
    there = parse_date_time(f"2026-11-21T21:30:00{offset}")
    assert there.utcoffset() == timedelta(minutes=minutes)
    assert there.isoformat().startswith("2026-11-21T21:30:00")


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T12:30:00",  # no offset: whose noon?
        "2026-11-22T12:30Z",
        "2026-11-22 12:30:00Z",
        "2026-11-22",
        "20261122T123000Z",
        "2026-W47-7T12:30:00Z",
        "2026-02-29T12:30:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T23:59:60Z",  # a leap second
        "2026-11-22T12:30:00+24:00",
        "2026-11-22T12:30:00+01",
        "2026-11-22T12:30:00.Z",
        "2026-11-22T12:30:00.1234567890Z",
        "0001-01-01T00:00:00+01:00",  # before the calendar, in UTC
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00Z",
        "+2026-11-22T12:30:00Z",
        "\N{FULLWIDTH DIGIT TWO}026-11-22T12:30:00Z",
        " 2026-11-22T12:30:00Z",
        "2026-11-22T12:30:00Z\n",
        "2026-11-22T12:30:00Z\x00",
        "",
        "now",
        1763814600,
        1.5,
        True,
        [],
        {},
    ],
)
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="A DateTime"):
        parse_date_time(value)


@settings(deadline=None)
@given(st.datetimes(), st.integers(min_value=-15 * 60, max_value=15 * 60))
def test_no_instant_makes_it_crash(local: datetime, offset_minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    text = moment.isoformat()
    try:
        parsed = parse_date_time(text)
    except InvalidInput:
        assert moment.year in {1, 9999}  # over the edge of the calendar in UTC
        return
    assert parsed == moment


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_makes_them_crash(text: str) -> None:
    for parse in (parse_date, parse_date_time, parse_position):
        with pytest.raises(InvalidInput):
            parse(text)


def test_a_leap_second_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="leap seconds cannot be stored"):
        parse_date_time("2016-12-31T23:59:60Z")


def test_an_instant_is_written_in_utc_to_the_millisecond() -> None:
    paris = timezone(timedelta(hours=1))
    assert (
        format_date_time(datetime(2026, 11, 22, 13, 30, 0, 7000, tzinfo=paris)) == "2026-11-22T12:30:00.007Z"
    )
    assert format_date_time(datetime(2026, 11, 22, 12, 30, tzinfo=UTC)) == "2026-11-22T12:30:00.000Z"


@pytest.mark.parametrize("day", [date.min, date(2024, 2, 29), date.max])
def test_a_day_is_read_as_it_is_written(day: date) -> None:
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-29",
        "2026-13-01",
        "2026-1-1",
        "20261122",
        "2026-W47-7",
        "2026-326",
        "0000-01-01",
        "22-11-2026",
        "2026-11-22T00:00:00Z",
        "\N{FULLWIDTH DIGIT TWO}026-11-22",
        "2026-11-22 ",
        "",
        20261122,
        None,
        ["2026-11-22"],
    ],
)
def test_what_is_no_day_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="A Date must be"):
        parse_date(value)
