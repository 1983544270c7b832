"""What people and tables enter is of many shapes: fields and records of an answer, each read by itself."""

import math
from collections.abc import Callable, Mapping, Sequence

import structlog

from ledger import FoodRecord

_log = structlog.get_logger(__name__)


def readable(
    service: str, records: Sequence[object], read: Callable[[Mapping[str, object]], FoodRecord | None]
) -> tuple[FoodRecord, ...]:
    """The records that `read` can make of an answer; the others are counted in one line of the log."""
    found = [read(record) if isinstance(record, dict) else None for record in records]
    kept = tuple(record for record in found if record is not None)
    if len(kept) < len(records):
        _log.warning(
            "records_skipped", service=service, skipped=len(records) - len(kept), records=len(records)
        )
    return kept


def number(value: object) -> float | None:
    """A number, or a text that is one ("3.5"), not negative; anything else is unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def text(value: object) -> str | None:
    """A text that is not blank, without the blanks around it."""
    return value.strip() or None if isinstance(value, str) else None
