"""Time zones by the pinned `tzdata`, never by the machine, and fixed offsets from UTC.

A zone has one canonical name, which is stored: the link data of `tzdata` give it for the others (US/Eastern is
America/New_York), except that a place of `zone.tab`, which has at least one for each country, keeps its own name: the
links lead from Stockholm to Berlin, since their clocks agree since 1970. Zones of UTC itself are `UTC`. An offset is
written `-08:00`, and no offset is `UTC`.
"""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from ledger.errors import InvalidArgument

_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[01]\d|2[0-3]):(?P<minutes>[0-5]\d)", re.ASCII)
_NO_ZONE = "Factory"
"""The zone of a machine whose owner has set none."""

_FORMER_NAMES = {
    "Africa/Asmera": "Africa/Asmara",
    "Africa/Timbuktu": "Africa/Bamako",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Virgin": "America/St_Thomas",
    "Antarctica/South_Pole": "Antarctica/McMurdo",
    "Atlantic/Jan_Mayen": "Arctic/Longyearbyen",
    "Etc/UTC": "UTC",
    "Iceland": "Atlantic/Reykjavik",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
    "Pacific/Yap": "Pacific/Chuuk",
}
"""Former names of places that the link data lead to another country (from the remarks of tz's `backward`); and UTC."""


@cache
def zone_names() -> frozenset[str]:
    """Every name of the pinned `tzdata` but `Factory`."""
    return frozenset(_data("zones").split()) - {_NO_ZONE}


def canonical_zone(name: str) -> str:
    """The name under which that zone is stored.

    Raises InvalidArgument for what is neither a zone of `tzdata` nor an offset from UTC.
    """
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        return _offset_name(_offset(offset))
    if name not in zone_names():
        raise InvalidArgument(
            "timeZone must be an IANA name, such as Europe/Paris, or an offset from UTC, such as -08:00.",
            field="timeZone",
        )
    return _canonical_names()[name]


def time_zone(name: str) -> tzinfo:
    """The rules of that zone. Raises InvalidArgument as `canonical_zone` does."""
    canonical = canonical_zone(name)
    offset = _OFFSET.fullmatch(canonical)
    return _load(canonical) if offset is None else timezone(_offset(offset))


def zone_of(moment: datetime, usual: str) -> str:
    """The zone of the clock that shows `moment`: `usual` where its clocks have the same offset then, else the offset.

    A moment in UTC says nothing of the place, for many clients send all their times so: it is of the usual zone.
    """
    offset = moment.utcoffset()
    if not offset or offset == moment.astimezone(time_zone(usual)).utcoffset():
        return canonical_zone(usual)
    return _offset_name(offset)


def _offset_name(offset: timedelta) -> str:
    """To the minute, as the store and the API have it."""
    minutes = offset // timedelta(minutes=1)
    if minutes == 0:
        return "UTC"
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _offset(written: re.Match[str]) -> timedelta:
    offset = timedelta(hours=int(written["hours"]), minutes=int(written["minutes"]))
    return -offset if written["sign"] == "-" else offset


@cache
def _load(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def _canonical_names() -> dict[str, str]:
    """The canonical name by every name of `zone_names`."""
    links = _links()
    places = _places()
    names = {name: name if name in places else links.get(name, name) for name in zone_names()}
    return {
        name: _FORMER_NAMES.get(name, _FORMER_NAMES.get(target, target)) for name, target in names.items()
    }


def _links() -> dict[str, str]:
    """The zone by each name that is a link to it: the lines `L <zone> <name>`."""
    lines = (line.split() for line in _data("zoneinfo", "tzdata.zi").splitlines())
    return {fields[2]: fields[1] for fields in lines if fields[0] == "L"}


def _places() -> frozenset[str]:
    """The third column: country codes, coordinates, name."""
    lines = _data("zoneinfo", "zone.tab").splitlines()
    return frozenset(line.split("\t")[2] for line in lines if not line.startswith("#"))


def _data(*path: str) -> str:
    return resources.files("tzdata").joinpath(*path).read_text(encoding="utf-8")
