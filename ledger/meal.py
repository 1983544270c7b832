"""The Meal aggregate: which commands a meal accepts in which status, and the events they append.

    ANALYZING ──► ANALYZED ──► CONFIRMED
        │             │            │
        ▼             ▼            ▼
      FAILED ─────► DELETED ◄──────┘

Every other transition is rejected with InvalidState.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate
from msgspec import structs

from ledger.entries import apply_changes, awaiting_nutrients, fill_in, replace_entries, warnings_after
from ledger.errors import AnalysisFailure, InvalidArgument, InvalidState, MealFull, UnknownEntry
from ledger.events import (
    AnalysisPersonal,
    EntryChange,
    MealAnalysisFailed,
    MealAnalysisRequested,
    MealAnalyzed,
    MealConfirmed,
    MealDeleted,
    MealEvent,
    MealNutrientsCompleted,
    MealUpdated,
    NotesPersonal,
    RequestPersonal,
)
from ledger.meal_state import MealState
from ledger.nutrition import total
from ledger.values import (
    Actor,
    FoundNutrients,
    MealEntry,
    MealSnapshot,
    MealSource,
    MealStatus,
    Proposal,
    Timing,
)

MAX_EVENTS = 500
"""The most events of one meal: loading it takes time and memory in proportion.

Updates, and nutrients filled in later, stop two events short of it. A meal is confirmed at most once and deleted at
most once, so that a full meal can still be confirmed and deleted.
"""

_PROPOSED = (MealStatus.ANALYZED, MealStatus.CONFIRMED)


class Meal(MealState, Aggregate):
    """One meal of one person, from the request to analyse its photo until it is deleted."""

    TOPIC: ClassVar[str] = "Meal"
    Event = MealEvent
    Created = MealAnalysisRequested

    @classmethod
    def request_analysis(
        cls,
        meal_id: UUID,
        *,
        actor: Actor,
        photo_url: str,
        dish_hint: str | None,
        timing: Timing,
        fingerprint: str,
    ) -> "Meal":
        """A new meal of the actor, ANALYZING. `fingerprint` tells a duplicate request from a different one."""
        return cls._create(
            MealAnalysisRequested,
            id=meal_id,
            user_id=actor.user_id,
            actor=actor.user_id,
            correlation_id=actor.correlation_id,
            local_date=timing.local_date,
            meal_type=timing.meal_type,
            status=MealStatus.ANALYZING,
            source=MealSource.PHOTO,
            eaten_at=timing.eaten_at,
            time_zone=timing.time_zone,
            fingerprint=fingerprint,
            personal=RequestPersonal(photo_url=photo_url, dish_hint=dish_hint),
        )

    def propose(self, proposal: Proposal, *, actor: Actor) -> None:
        """The analysis found foods: ANALYZING → ANALYZED."""
        self._require("be analysed", MealStatus.ANALYZING)
        known = [entry.confidence for entry in proposal.entries if entry.confidence is not None]
        self._trigger(
            MealAnalyzed,
            actor,
            status=MealStatus.ANALYZED,
            entries=proposal.entries,
            totals=total(entry.nutrients for entry in proposal.entries),
            confidence=round(sum(known) / len(known), 3) if known else None,
            warnings=proposal.warnings,
            **structs.asdict(proposal.run),
            duration_ms=proposal.duration_ms,
            choice=proposal.choice,
            personal=AnalysisPersonal(dish_name=proposal.dish_name),
        )

    def fail(self, error: AnalysisFailure, *, actor: Actor) -> None:
        """The analysis failed: ANALYZING → FAILED."""
        self._require("fail", MealStatus.ANALYZING)
        self._trigger(
            MealAnalysisFailed,
            actor,
            status=MealStatus.FAILED,
            code=error.code,
            message=error.message,
            retryable=error.retryable,
        )

    def confirm(self, entry_ids: Sequence[str], *, actor: Actor) -> None:
        """Keep these entries and reject the others: ANALYZED → CONFIRMED. The same confirm again appends no event.

        Raises InvalidArgument for no entry, UnknownEntry, and InvalidState for a meal that is not ANALYZED.
        """
        kept = frozenset(entry_ids)
        if not kept:
            raise InvalidArgument(
                "confirmedEntryIds must name at least one entry.", field="confirmedEntryIds"
            )
        if self.status is MealStatus.CONFIRMED and kept == {entry.id for entry in self.entries}:
            return
        self._require("be confirmed", MealStatus.ANALYZED)
        self._check_known(kept, "confirmedEntryIds")
        self._trigger(
            MealConfirmed,
            actor,
            status=MealStatus.CONFIRMED,
            kept_entry_ids=tuple(entry.id for entry in self.entries if entry.id in kept),
            rejected_entry_ids=tuple(entry.id for entry in self.entries if entry.id not in kept),
            totals=total(entry.nutrients for entry in self.entries if entry.id in kept),
        )

    def update(
        self, *, timing: Timing, notes: str | None, amounts: Mapping[str, float], actor: Actor
    ) -> None:
        """Change type, time, notes, or entries' amounts (grams by entry id). Equal values append no event.

        Raises UnknownEntry, InvalidState unless the meal is ANALYZED or CONFIRMED, and MealFull.
        """
        self._require("be changed", *_PROPOSED)
        self._check_known(amounts.keys(), "entries")
        changes = tuple(
            EntryChange(
                entry_id=entry.id,
                quantity_before=entry.quantity_g,
                quantity_after=amounts[entry.id],
                nutrients_before=entry.nutrients,
                nutrients_after=entry.per_100g.for_grams(amounts[entry.id]),
            )
            for entry in self.entries
            if amounts.get(entry.id, entry.quantity_g) != entry.quantity_g
        )
        if not changes and timing == self.timing and notes == self.notes:
            return
        self._require_room()
        self._trigger(
            MealUpdated,
            actor,
            timing=timing,
            status=self.status,
            before=self.timing,
            after=timing,
            changed_entries=changes,
            totals_before=self.totals,
            totals_after=total(entry.nutrients for entry in apply_changes(self.entries, changes)),
            personal=NotesPersonal(before=self.notes, after=notes),
        )

    @property
    def awaiting_nutrients(self) -> tuple[MealEntry, ...]:
        """The entries whose nutrients `complete_nutrients` may fill in: none of a meal that is deleted or full."""
        if self.status not in _PROPOSED or self._is_full:
            return ()
        return awaiting_nutrients(self.entries, self.warnings)

    def complete_nutrients(self, found: Sequence[FoundNutrients], *, actor: Actor) -> None:
        """Fill in the nutrients of entries that await them, for the amounts that the entries have now.

        What was found for other entries, such as rejected ones, is left out; where nothing remains, no event is
        appended.
        Raises InvalidState unless the meal is ANALYZED or CONFIRMED, and MealFull.
        """
        self._require("get nutrients", *_PROPOSED)
        awaited = {entry.id for entry in awaiting_nutrients(self.entries, self.warnings)}
        by_id = {nutrients.entry_id: nutrients for nutrients in found if nutrients.entry_id in awaited}
        if not by_id:
            return
        self._require_room()
        completed = fill_in(self.entries, by_id)
        self._trigger(
            MealNutrientsCompleted,
            actor,
            status=self.status,
            completed_entries=completed,
            warnings=warnings_after(self.warnings, by_id),
            totals_before=self.totals,
            totals_after=total(entry.nutrients for entry in replace_entries(self.entries, completed)),
        )

    def delete(self, *, actor: Actor) -> None:
        """Remove the meal from its owner's diary. The stream stays. A second delete appends no event."""
        if self.status is MealStatus.DELETED:
            return
        self._require("be deleted", MealStatus.ANALYZED, MealStatus.CONFIRMED, MealStatus.FAILED)
        self._trigger(
            MealDeleted,
            actor,
            status=MealStatus.DELETED,
            status_before=self.status,
            totals=self.totals,
        )

    def snapshot(self) -> MealSnapshot:
        """The meal as of its last event; redacted when deleted."""
        snapshot = MealSnapshot(
            id=str(self.id),
            user_id=self.user_id,
            status=self.status,
            meal_type=self.timing.meal_type,
            dish_name=self.dish_name,
            photo_url=self.photo_url,
            source=self.source,
            confidence=self.confidence,
            eaten_at=self.timing.eaten_at,
            time_zone=self.timing.time_zone,
            local_date=self.timing.local_date,
            notes=self.notes,
            entries=self.entries,
            totals=self.totals,
            warnings=self.warnings,
            failure_code=self.failure_code,
            failure_message=self.failure_message,
            created_at=self.created_on,
            updated_at=self.modified_on,
        )
        return snapshot.redacted() if self.status is MealStatus.DELETED else snapshot

    def _require(self, what: str, *allowed: MealStatus) -> None:
        if self.status not in allowed:
            raise InvalidState(f"A meal that is {self.status} cannot {what}.")

    @property
    def _is_full(self) -> bool:
        return self.version >= MAX_EVENTS - 2

    def _require_room(self) -> None:
        if self._is_full:
            raise MealFull(
                f"This meal has reached its limit of {MAX_EVENTS} changes. It can still be confirmed or deleted; "
                "to change it further, delete it and record it again."
            )

    def _check_known(self, entry_ids: Iterable[str], field: str) -> None:
        unknown = sorted(set(entry_ids) - {entry.id for entry in self.entries})
        if unknown:
            raise UnknownEntry(f"The meal has no entry {unknown[0][:64]!r}.", field=field)

    def _trigger(
        self, event_class: type[MealEvent], actor: Actor, *, timing: Timing | None = None, **facts: Any
    ) -> None:
        when = timing or self.timing
        self.trigger_event(
            event_class,
            user_id=self.user_id,
            actor=actor.user_id,
            correlation_id=actor.correlation_id,
            local_date=when.local_date,
            meal_type=when.meal_type,
            **facts,
        )
