"""The read model `daily_summaries`: one document per person and local date.

It keeps each meal's contribution and computes all sums from the contributions, so a meal that is moved, changed or
deleted leaves no trace in them.
"""

from datetime import date
from functools import singledispatch
from typing import Self

from msgspec import Struct

from ledger import (
    MealAnalyzed,
    MealConfirmed,
    MealDeleted,
    MealEvent,
    MealNutrientsCompleted,
    MealStatus,
    MealType,
    MealUpdated,
    Nutrients,
    total,
)
from projections.document_codec import from_document, to_document
from projections.errors import UnexpectedEvent
from projections.projection import Document, Projection
from projections.queries import DailySummary, MealTypeSummary


class Contribution(Struct, frozen=True, kw_only=True):
    """One meal's share of its day: an ANALYZED meal waits to be reviewed, a CONFIRMED one counts."""

    meal_type: MealType
    status: MealStatus
    totals: Nutrients


class Day(Struct, frozen=True, kw_only=True):
    """A person's local day as the document holds it: the sums of DailySummary, and the contributions by meal id."""

    user_id: str
    local_date: date
    totals: Nutrients
    meal_count: int
    pending_count: int
    breakdown: tuple[MealTypeSummary, ...]
    contributions: dict[str, Contribution]

    @classmethod
    def of(cls, user_id: str, local_date: date, contributions: dict[str, Contribution]) -> Self:
        """The day of these contributions, independent of their order."""
        confirmed = [part for part in contributions.values() if part.status is MealStatus.CONFIRMED]
        by_type = {
            meal_type: [part.totals for part in confirmed if part.meal_type is meal_type]
            for meal_type in MealType
        }
        return cls(
            user_id=user_id,
            local_date=local_date,
            totals=total(part.totals for part in confirmed),
            meal_count=len(confirmed),
            pending_count=len(contributions) - len(confirmed),
            breakdown=tuple(
                MealTypeSummary(meal_type=meal_type, meal_count=len(parts), totals=total(parts))
                for meal_type, parts in by_type.items()
                if parts
            ),
            contributions=dict(sorted(contributions.items())),
        )


def day_key(user_id: str, day: date) -> str:
    """The key of a person's day. A date has ten characters, so no two days share a key, whatever the user id holds."""
    return f"{day.isoformat()}/{user_id}"


def keys(event: MealEvent) -> tuple[str, ...]:
    """The day that the event belongs to; two when it moves a meal to another day."""
    days = {event.local_date}
    if isinstance(event, MealUpdated):
        days.add(event.before.local_date)
    return tuple(day_key(event.user_id, day) for day in sorted(days))


def evolve(key: str, document: Document | None, event: MealEvent) -> Document | None:
    """The day after the event; None when no meal contributes to it any more."""
    meal_id = str(event.originator_id)
    contributions = {} if document is None else dict(from_document(document, Day).contributions)
    contributions.pop(meal_id, None)
    contribution = _contribution(event)
    if contribution is not None and key == day_key(event.user_id, event.local_date):
        contributions[meal_id] = contribution
    if not contributions:
        return None
    return to_document(Day.of(event.user_id, date.fromisoformat(key[:10]), contributions))


def summary(day: date, document: Document | None, position: int) -> DailySummary:
    """The summary that the document holds, as of that position; no document is a day without meals."""
    if document is None:
        return DailySummary(
            date=day, totals=total(()), meal_count=0, pending_count=0, breakdown=(), position=position
        )
    held = from_document(document, Day)
    return DailySummary(
        date=day,
        totals=held.totals,
        meal_count=held.meal_count,
        pending_count=held.pending_count,
        breakdown=held.breakdown,
        position=position,
    )


@singledispatch
def _contribution(event: MealEvent) -> Contribution | None:
    """The meal's contribution to its day from this event on; None when it has none."""
    raise UnexpectedEvent(f"no rule for {type(event).__name__}")


@_contribution.register(MealAnalyzed)
@_contribution.register(MealConfirmed)
def _of_reviewed(event: MealAnalyzed | MealConfirmed) -> Contribution:
    return Contribution(meal_type=event.meal_type, status=event.status, totals=event.totals)


@_contribution.register(MealUpdated)
@_contribution.register(MealNutrientsCompleted)
def _of_changed(event: MealUpdated | MealNutrientsCompleted) -> Contribution:
    return Contribution(meal_type=event.meal_type, status=event.status, totals=event.totals_after)


@_contribution.register
def _of_deleted(_event: MealDeleted) -> None:
    return None


DAILY_SUMMARIES = Projection(
    name="daily_summaries",
    version=2,
    topics=frozenset(
        event_class.TOPIC
        for event_class in (MealAnalyzed, MealConfirmed, MealUpdated, MealNutrientsCompleted, MealDeleted)
    ),
    indexes=(),
    keys=keys,
    evolve=evolve,
)
