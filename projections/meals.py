"""The read model `meals`: one document per meal, by meal id, that holds its MealSnapshot.

A deleted meal keeps its place and nothing else: no photo, names, notes, entries or totals.
"""

from functools import singledispatch

from msgspec import structs

from ledger import (
    UNKNOWN,
    MealAnalysisFailed,
    MealAnalysisRequested,
    MealAnalyzed,
    MealConfirmed,
    MealDeleted,
    MealEvent,
    MealNutrientsCompleted,
    MealSnapshot,
    MealStatus,
    MealUpdated,
    WarningCode,
    apply_changes,
    keep_entries,
    replace_entries,
    total,
)
from projections.document_codec import from_document, to_document
from projections.errors import UnexpectedEvent
from projections.projection import Document, Index, Projection


def keys(event: MealEvent) -> tuple[str, ...]:
    """The meal that the event belongs to."""
    return (str(event.originator_id),)


def evolve(key: str, document: Document | None, event: MealEvent) -> Document:
    """The meal after the event. Raises UnexpectedEvent for a second first event, and for another before the first."""
    if isinstance(event, MealAnalysisRequested):
        if document is not None:
            raise UnexpectedEvent("the meal exists already")
        return encode_meal(_requested(key, event))
    if document is None:
        raise UnexpectedEvent("there is no meal to change")
    meal = structs.replace(decode_meal(key, document), status=event.status, updated_at=event.timestamp)
    return encode_meal(_changed(event, meal))


def encode_meal(meal: MealSnapshot) -> Document:
    """The meal as a document; its id is the document's key."""
    document = to_document(meal)
    del document["id"]
    return document


def decode_meal(key: str, document: Document) -> MealSnapshot:
    """The meal that the document of that key holds."""
    return from_document({**document, "id": key}, MealSnapshot)


def _requested(key: str, event: MealAnalysisRequested) -> MealSnapshot:
    return MealSnapshot(
        id=key,
        user_id=event.user_id,
        status=event.status,
        meal_type=event.meal_type,
        dish_name=None,
        photo_url=event.personal.photo_url,
        source=event.source,
        confidence=None,
        eaten_at=event.eaten_at,
        time_zone=event.time_zone,
        local_date=event.local_date,
        notes=None,
        entries=(),
        totals=total(()),
        warnings=(),
        failure_code=None,
        failure_message=None,
        created_at=event.timestamp,
        updated_at=event.timestamp,
    )


@singledispatch
def _changed(event: MealEvent, _meal: MealSnapshot) -> MealSnapshot:
    """The meal, which has the event's status and time already, with the event's other facts."""
    raise UnexpectedEvent(f"no rule for {type(event).__name__}")


@_changed.register
def _analyzed(event: MealAnalyzed, meal: MealSnapshot) -> MealSnapshot:
    return structs.replace(
        meal,
        dish_name=event.personal.dish_name,
        entries=event.entries,
        totals=event.totals,
        confidence=event.confidence,
        warnings=event.warnings,
    )


@_changed.register
def _failed(event: MealAnalysisFailed, meal: MealSnapshot) -> MealSnapshot:
    return structs.replace(meal, totals=UNKNOWN, failure_code=event.code, failure_message=event.message)


@_changed.register
def _confirmed(event: MealConfirmed, meal: MealSnapshot) -> MealSnapshot:
    entries, warnings = keep_entries(meal.entries, meal.warnings, event.kept_entry_ids)
    return structs.replace(meal, entries=entries, warnings=warnings, totals=event.totals)


@_changed.register
def _updated(event: MealUpdated, meal: MealSnapshot) -> MealSnapshot:
    return structs.replace(
        meal,
        meal_type=event.after.meal_type,
        eaten_at=event.after.eaten_at,
        time_zone=event.after.time_zone,
        local_date=event.after.local_date,
        notes=event.personal.after,
        entries=apply_changes(meal.entries, event.changed_entries),
        totals=event.totals_after,
    )


@_changed.register
def _nutrients_completed(event: MealNutrientsCompleted, meal: MealSnapshot) -> MealSnapshot:
    return structs.replace(
        meal,
        entries=replace_entries(meal.entries, event.completed_entries),
        warnings=event.warnings,
        totals=event.totals_after,
    )


@_changed.register
def _deleted(_event: MealDeleted, meal: MealSnapshot) -> MealSnapshot:
    return meal.redacted()


MEALS = Projection(
    name="meals",
    version=2,
    topics=frozenset(
        event_class.TOPIC
        for event_class in (
            MealAnalysisRequested,
            MealAnalyzed,
            MealAnalysisFailed,
            MealConfirmed,
            MealUpdated,
            MealNutrientsCompleted,
            MealDeleted,
        )
    ),
    indexes=(
        Index(name="history", fields=(("user_id", 1), ("eaten_at", -1), ("_id", -1))),
        Index(
            name="history_by_status",
            fields=(("user_id", 1), ("status", 1), ("eaten_at", -1), ("_id", -1)),
        ),
        Index(
            name="unfinished",
            fields=(("created_at", 1),),
            where={"status": MealStatus.ANALYZING.value},
        ),
        Index(
            name="awaiting_nutrients",
            fields=(("created_at", -1), ("_id", -1)),
            where={"warnings.code": WarningCode.NUTRIENTS_UNAVAILABLE.value},
        ),
    ),
    keys=keys,
    evolve=evolve,
)
