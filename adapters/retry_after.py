"""The Retry-After header."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by Retry-After (RFC 9110, 10.2.3: seconds or a date), or None where it says nothing usable.

    OpenAI's `retry-after-ms` is more exact and goes first. `headers` are looked up in lower case.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    stated = headers.get("retry-after")
    seconds = _number(stated)
    return seconds if seconds is not None or stated is None else _until(stated)


def _number(text: str | None) -> float | None:
    digits = (text or "").strip()
    return float(digits) if digits.replace(".", "", 1).isdecimal() and digits.isascii() else None


def _until(date: str) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)  # "-0000": UTC whose place is not known
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
