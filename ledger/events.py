"""The events of a meal's stream. Each is a fact that a consumer can use alone.

Every event carries the user, the person's local date, the meal type and the resulting status, so that no projector
looks a meal up. Personal data are in `personal` and nowhere else.
"""

from datetime import date, datetime
from typing import ClassVar, Protocol

from eventsourcing.domain import Aggregate
from eventsourcing.utils import register_topic
from msgspec import Struct

from ledger.errors import ErrorCode
from ledger.local_day import now
from ledger.nutrition import Nutrients
from ledger.values import (
    ChoiceRun,
    MealEntry,
    MealSource,
    MealStatus,
    MealType,
    MealWarning,
    Timing,
    TokenUsage,
)


class RequestPersonal(Struct, frozen=True, kw_only=True):
    photo_url: str
    dish_hint: str | None


class AnalysisPersonal(Struct, frozen=True, kw_only=True):
    """The dish's name is the model's free text about a person's plate."""

    dish_name: str | None


class NotesPersonal(Struct, frozen=True, kw_only=True):
    before: str | None
    after: str | None


class EntryChange(Struct, frozen=True, kw_only=True):
    """An entry's amount and nutrients, before and after."""

    entry_id: str
    quantity_before: float
    quantity_after: float
    nutrients_before: Nutrients
    nutrients_after: Nutrients


class AppliesEvents(Protocol):
    status: MealStatus

    def apply_event(self, event: "MealEvent") -> None: ...


class MealEvent(Aggregate.Event):
    """The facts of every event. `actor` is the acting user, or `system` where no person acts."""

    user_id: str
    actor: str
    correlation_id: str
    local_date: date
    meal_type: MealType
    status: MealStatus

    @staticmethod
    def create_timestamp() -> datetime:
        """This moment at BSON's precision, so that a stored event equals the one in memory."""
        return now()

    def apply(self, aggregate: AppliesEvents) -> None:
        """Change the aggregate by the event."""
        aggregate.apply_event(self)
        aggregate.status = self.status


class MealAnalysisRequested(MealEvent, Aggregate.Created):
    """A person asked for a photo to be analysed; nothing outside has been called yet."""

    TOPIC: ClassVar[str] = "MealAnalysisRequested"
    source: MealSource
    eaten_at: datetime
    time_zone: str
    fingerprint: str
    personal: RequestPersonal


class MealAnalyzed(MealEvent):
    """Foods were recognised and matched. `duration_ms` is the whole analysis, in milliseconds.

    From `model` to `price_table` these are the facts of the ModelRun, flat, so that analysts query them by name. Where
    a model also chose among the records, `choice` has that run.
    """

    TOPIC: ClassVar[str] = "MealAnalyzed"
    entries: tuple[MealEntry, ...]
    totals: Nutrients
    confidence: float | None
    warnings: tuple[MealWarning, ...]
    model: str
    prompt_version: str
    tokens: TokenUsage
    cost: float | None
    cost_currency: str | None
    price_table: str | None
    duration_ms: int
    choice: ChoiceRun | None
    personal: AnalysisPersonal


class MealAnalysisFailed(MealEvent):
    """The analysis failed. `message` is safe to show; `retryable`: a new request may succeed."""

    TOPIC: ClassVar[str] = "MealAnalysisFailed"
    code: ErrorCode
    message: str
    retryable: bool


class MealConfirmed(MealEvent):
    """The person kept some of the proposed entries; `totals` are the sums of the kept entries."""

    TOPIC: ClassVar[str] = "MealConfirmed"
    kept_entry_ids: tuple[str, ...]
    rejected_entry_ids: tuple[str, ...]
    totals: Nutrients


class MealUpdated(MealEvent):
    """Type, time, notes or an entry's amount changed: the values before and after."""

    TOPIC: ClassVar[str] = "MealUpdated"
    before: Timing
    after: Timing
    changed_entries: tuple[EntryChange, ...]
    totals_before: Nutrients
    totals_after: Nutrients
    personal: NotesPersonal


class MealNutrientsCompleted(MealEvent):
    """Databases that could not be asked before were searched again by the service itself; the status is as it was.

    `completed_entries` are the entries whose nutrients are known now, as they are now. `warnings` are all of the meal's
    warnings after it: those of a food that is in no database say so.
    """

    TOPIC: ClassVar[str] = "MealNutrientsCompleted"
    completed_entries: tuple[MealEntry, ...]
    warnings: tuple[MealWarning, ...]
    totals_before: Nutrients
    totals_after: Nutrients


class MealDeleted(MealEvent):
    """The owner removed the meal: the status and the totals it had."""

    TOPIC: ClassVar[str] = "MealDeleted"
    status_before: MealStatus
    totals: Nutrients


EVENT_CLASSES: tuple[type[MealEvent], ...] = (
    MealAnalysisRequested,
    MealAnalyzed,
    MealAnalysisFailed,
    MealConfirmed,
    MealUpdated,
    MealNutrientsCompleted,
    MealDeleted,
)
TOPICS: dict[str, type[MealEvent]] = {
    event_class.__dict__["TOPIC"]: event_class for event_class in EVENT_CLASSES
}
"""The closed registry: the only classes that a stored topic resolves to."""

for _topic, _event_class in TOPICS.items():
    register_topic(_topic, _event_class)
