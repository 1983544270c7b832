"""Every zone that a device can report has one canonical name, and an offset is a zone as well."""

from datetime import UTC, datetime, timedelta, timezone
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import InvalidArgument
from ledger.time_zones import canonical_zone, time_zone, zone_names, zone_of

WINTER = datetime(2025, 1, 15, 12, tzinfo=UTC)
SUMMER = datetime(2025, 7, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reported", "canonical"),
    [
        ("UTC", "UTC"), ("Etc/UTC", "UTC"), ("Etc/UCT", "UTC"), ("Zulu", "UTC"), ("Universal", "UTC"),
        ("GMT", "Etc/GMT"), ("GMT0", "Etc/GMT"), ("Greenwich", "Etc/GMT"), ("Etc/GMT+6", "Etc/GMT+6"),
        ("US/Eastern", "America/New_York"), ("Japan", "Asia/Tokyo"), ("Singapore", "Asia/Singapore"),
        ("EST5EDT", "EST5EDT"), ("Asia/Calcutta", "Asia/Kolkata"), ("Europe/Kiev", "Europe/Kyiv"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"), ("Asia/Saigon", "Asia/Ho_Chi_Minh"),
        ("Europe/Paris", "Europe/Paris"),
        # Alike in their clocks, and yet each a place of its own country.
        ("Europe/Stockholm", "Europe/Stockholm"), ("Asia/Kuala_Lumpur", "Asia/Kuala_Lumpur"),
        ("Iceland", "Atlantic/Reykjavik"), ("Africa/Asmera", "Africa/Asmara"),
    ],
)  # fmt: skip
def test_a_zone_is_stored_in_its_canonical_name(reported: str, canonical: str) -> None:
    assert canonical_zone(reported) == canonical


def test_every_zone_of_tzdata_is_accepted_but_factory() -> None:
    names = set(resources.files("tzdata").joinpath("zones").read_text().split())
    assert zone_names() == names - {"Factory"}
    for name in zone_names():
        canonical = canonical_zone(name)
        assert canonical in names
        assert canonical_zone(canonical) == canonical
        with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            own = ZoneInfo.from_file(file, key=name)
        for moment in (WINTER, SUMMER):
            assert moment.astimezone(time_zone(name)).utcoffset() == moment.astimezone(own).utcoffset()


def test_a_link_is_followed_but_from_a_place_of_its_own() -> None:
    data = resources.files("tzdata").joinpath("zoneinfo")
    lines = data.joinpath("zone.tab").read_text().splitlines()
    places = {line.split("\t")[2] for line in lines if not line.startswith("#")}
    links = [
        line.split()[1:] for line in data.joinpath("tzdata.zi").read_text().splitlines() if line[0] == "L"
    ]
    followed = [name for target, name in links if canonical_zone(name) == target]
    assert places.isdisjoint(followed)
    others = {name for _, name in links} - places - set(followed)
    assert {canonical_zone(name) for name in others} <= places | {"UTC"}
    assert len(others - {"UTC", "UCT", "Zulu", "Universal"}) < 20


@pytest.mark.parametrize(
    "name",
    ["localtime", "Factory", "posixrules", "Mars/Phobos", "", " ", "europe/paris", "../../etc/passwd",
     "/etc/localtime", "Europe/Paris\0", "Europe", "zone.tab", "Z", "+24:00", "+2:00", "+02:60", "+0200",
     "02:00", "GMT+02:00", "+02:00 ", "+\N{ARABIC-INDIC DIGIT ZERO}2:00", "Etc/Unknown"],
)  # fmt: skip
def test_what_is_no_zone_is_refused(name: str) -> None:
    for read in (canonical_zone, time_zone):
        with pytest.raises(InvalidArgument) as refused:
            read(name)
        assert refused.value.field == "timeZone"


@given(st.integers(min_value=-23 * 60 - 59, max_value=23 * 60 + 59))
def test_an_offset_is_a_zone_in_one_spelling(minutes: int) -> None:
    there = WINTER.astimezone(timezone(timedelta(minutes=minutes)))
    zone = zone_of(there, "UTC")
    assert canonical_zone(zone) == zone
    assert WINTER.astimezone(time_zone(zone)).utcoffset() == timedelta(minutes=minutes)
    assert zone == (there.strftime("%z")[:3] + ":" + there.strftime("%z")[3:] if minutes else "UTC")


@pytest.mark.parametrize("zero", ["+00:00", "-00:00"])
def test_no_offset_is_utc(zero: str) -> None:
    assert canonical_zone(zero) == "UTC"


@pytest.mark.parametrize(
    ("moment", "usual", "zone"),
    [
        ("2025-07-15T21:30:00+02:00", "Europe/Paris", "Europe/Paris"),
        ("2025-01-15T21:30:00+02:00", "Europe/Paris", "+02:00"),
        ("2025-01-15T21:30:00+00:00", "Europe/Paris", "Europe/Paris"),  # in UTC, which says no place
        ("2025-01-15T21:30:00-08:00", "Europe/Paris", "-08:00"),
        ("2025-01-15T21:30:00+05:45", "UTC", "+05:45"),
        ("2025-01-15T21:30:00-08:00", "-08:00", "-08:00"),
        ("2025-01-15T21:30:00-05:00", "US/Eastern", "America/New_York"),
    ],
)
def test_a_moments_offset_overrules_a_zone_of_another(moment: str, usual: str, zone: str) -> None:
    assert zone_of(datetime.fromisoformat(moment), usual) == zone


def test_an_offset_with_seconds_is_cut_to_the_minute() -> None:
    """Monrovia was 44:30 behind until 1972."""
    moment = datetime(1970, 6, 1, 12, tzinfo=UTC).astimezone(time_zone("Africa/Monrovia"))
    assert zone_of(moment, "UTC") == "-00:45"
