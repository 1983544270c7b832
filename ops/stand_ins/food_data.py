"""The data files of the local food services, shipped with the package."""

import csv
from collections.abc import Iterator
from importlib.resources import files

LOCAL_LABEL = "(local table)"
"""What says, in the kind of every record, that a table answered and not the service."""


def rows(file_name: str) -> Iterator[dict[str, str]]:
    """The rows of a table in `ops/stand_ins/data`; lines that begin with # say what the table is."""
    text = (files("ops.stand_ins") / "data" / file_name).read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    yield from csv.DictReader(lines)


def number(field: str) -> float | None:
    """A number of a table; an empty field is not known."""
    return float(field) if field else None
