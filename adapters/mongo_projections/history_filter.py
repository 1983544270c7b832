"""A page of a person's history as a filter that one index serves in order."""

from datetime import UTC, date, datetime, time, timedelta

from adapters.mongo.connection.client import Document
from ledger import MealStatus
from projections import HistoryQuery

NEWEST_FIRST = {"eaten_at": -1, "_id": -1}

_WIDEST_OFFSET = timedelta(days=1)
"""More than any place's local time ever was away from UTC."""


def history_filter(user_id: str, query: HistoryQuery) -> Document:
    """The person's meals that the query selects, behind its cursor.

    The bounds of `eaten_at` are wide enough to change nothing about the result: they let the index skip what local
    dates and cursor leave out anyway.
    """
    shown: Document = (
        {"status": {"$ne": MealStatus.DELETED.value}}
        if query.status is None
        else {"status": query.status.value}
    )
    wanted: Document = {"user_id": user_id, **shown}
    if query.meal_type is not None:
        wanted["meal_type"] = query.meal_type.value
    dates: Document = {}
    eaten: Document = {}
    if query.from_date is not None:
        dates["$gte"] = query.from_date.isoformat()
        eaten["$gte"] = _midnight(query.from_date, -_WIDEST_OFFSET)
    if query.to_date is not None:
        dates["$lt"] = query.to_date.isoformat()
        eaten["$lt"] = _midnight(query.to_date, _WIDEST_OFFSET)
    if dates:
        wanted["local_date"] = dates
    if query.after is not None:
        eaten["$lte"] = query.after.eaten_at
        wanted["$or"] = [
            {"eaten_at": {"$lt": query.after.eaten_at}},
            {"eaten_at": query.after.eaten_at, "_id": {"$lt": query.after.meal_id}},
        ]
    if eaten:
        wanted["eaten_at"] = eaten
    return wanted


def _midnight(day: date, margin: timedelta) -> datetime:
    """The start of that day in UTC, moved by the margin, as far as a datetime reaches."""
    midnight = datetime.combine(day, time(), UTC)
    try:
        return midnight + margin
    except OverflowError:
        return midnight
