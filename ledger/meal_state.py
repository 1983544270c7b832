"""The state of a meal, and its change by each event. Which events may follow which is decided by `ledger.meal`."""

from functools import singledispatchmethod

from ledger.entries import apply_changes, keep_entries, replace_entries
from ledger.errors import ErrorCode
from ledger.events import (
    MealAnalysisFailed,
    MealAnalysisRequested,
    MealAnalyzed,
    MealConfirmed,
    MealDeleted,
    MealEvent,
    MealNutrientsCompleted,
    MealUpdated,
)
from ledger.nutrition import UNKNOWN, Nutrients, total
from ledger.values import MealEntry, MealSource, MealStatus, MealWarning, Timing


class MealState:
    """A meal as of its last event."""

    user_id: str
    status: MealStatus
    source: MealSource
    fingerprint: str
    photo_url: str
    dish_hint: str | None
    timing: Timing
    dish_name: str | None
    confidence: float | None
    notes: str | None
    entries: tuple[MealEntry, ...]
    rejected_entry_ids: tuple[str, ...]
    warnings: tuple[MealWarning, ...]
    failure_code: ErrorCode | None
    failure_message: str | None

    @property
    def totals(self) -> Nutrients:
        """The sum over the entries; unknown where the analysis failed."""
        if self.failure_code is not None:
            return UNKNOWN
        return total(entry.nutrients for entry in self.entries)

    @singledispatchmethod
    def apply_event(self, event: MealEvent) -> None:
        """Change by an event: the only way in which a meal changes. The event itself sets the status."""
        raise NotImplementedError(f"{type(event).__name__} changes nothing")

    @apply_event.register
    def _apply_analysis_requested(self, event: MealAnalysisRequested) -> None:
        self.user_id = event.user_id
        self.source = event.source
        self.fingerprint = event.fingerprint
        self.photo_url = event.personal.photo_url
        self.dish_hint = event.personal.dish_hint
        self.timing = Timing(
            meal_type=event.meal_type,
            eaten_at=event.eaten_at,
            time_zone=event.time_zone,
            local_date=event.local_date,
        )
        self.dish_name = self.confidence = self.notes = None
        self.entries, self.rejected_entry_ids, self.warnings = (), (), ()
        self.failure_code = self.failure_message = None

    @apply_event.register
    def _apply_analyzed(self, event: MealAnalyzed) -> None:
        self.dish_name = event.personal.dish_name
        self.entries = event.entries
        self.confidence = event.confidence
        self.warnings = event.warnings

    @apply_event.register
    def _apply_analysis_failed(self, event: MealAnalysisFailed) -> None:
        self.failure_code = event.code
        self.failure_message = event.message

    @apply_event.register
    def _apply_confirmed(self, event: MealConfirmed) -> None:
        self.entries, self.warnings = keep_entries(self.entries, self.warnings, event.kept_entry_ids)
        self.rejected_entry_ids = event.rejected_entry_ids

    @apply_event.register
    def _apply_updated(self, event: MealUpdated) -> None:
        self.timing = event.after
        self.notes = event.personal.after
        self.entries = apply_changes(self.entries, event.changed_entries)

    @apply_event.register
    def _apply_nutrients_completed(self, event: MealNutrientsCompleted) -> None:
        self.entries = replace_entries(self.entries, event.completed_entries)
        self.warnings = event.warnings

    @apply_event.register
    def _apply_deleted(self, _event: MealDeleted) -> None:
        """Nothing but the status changes: the stream keeps what the meal was."""
