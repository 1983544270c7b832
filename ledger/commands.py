"""The commands as plain data, their outcomes, and the port through which callers send them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from msgspec import UNSET, Struct, UnsetType

from ledger.deadline import NO_DEADLINE, Deadline
from ledger.errors import LedgerError
from ledger.values import Actor, MealSnapshot, MealType, ModelRun


class AnalyzeMealPhoto(Struct, frozen=True, kw_only=True):
    """Analyse a photo and propose a meal.

    Defaults: now, the offset of `eaten_at` as the zone, and the usual meal type of the local hour.
    """

    photo_url: str
    dish_hint: str | None = None
    meal_type: MealType | None = None
    eaten_at: datetime | None = None
    time_zone: str | None = None
    idempotency_key: str | None = None


class ConfirmMealAnalysis(Struct, frozen=True, kw_only=True):
    """Keep these entries of a proposed meal, and reject the others."""

    meal_id: str
    confirmed_entry_ids: tuple[str, ...]


class EntryAmount(Struct, frozen=True, kw_only=True):
    entry_id: str
    quantity_g: float


class UpdateMeal(Struct, frozen=True, kw_only=True):
    """Change a meal. Absent fields stay as they are; `notes=None` clears the notes.

    A time alone stays in the meal's zone if it is in UTC or has that zone's offset; else its offset is the zone.
    """

    meal_id: str
    meal_type: MealType | None = None
    eaten_at: datetime | None = None
    time_zone: str | None = None
    notes: str | UnsetType | None = UNSET
    entries: tuple[EntryAmount, ...] | None = None


class DeleteMeal(Struct, frozen=True, kw_only=True):
    meal_id: str


class MealOutcome(Struct, frozen=True, kw_only=True):
    """The meal after the command, and a position of the log that includes it."""

    meal: MealSnapshot
    position: int


class AnalysisReport(Struct, frozen=True, kw_only=True):
    """For the log: the model's run, None where it gave no usable answer, and each step's duration in milliseconds."""

    run: ModelRun | None
    steps: Mapping[str, int]


class AnalysisOutcome(MealOutcome, frozen=True, kw_only=True):
    """`error` says why the meal is FAILED, or still ANALYZING; None for an analysed meal.

    `report` is of the analysis that this command ran; None for a duplicate request.
    """

    error: LedgerError | None
    report: AnalysisReport | None = None


class ConfirmOutcome(MealOutcome, frozen=True, kw_only=True):
    """The numbers of kept and of rejected entries."""

    confirmed_count: int
    rejected_count: int


class MealCommands(Protocol):
    """The write side as its callers see it. Every method raises LedgerError when it rejects the command.

    `deadline`: when the caller's request ends. A command not begun by then raises ServiceUnavailable.
    """

    async def analyze_meal_photo(
        self, actor: Actor, command: AnalyzeMealPhoto, deadline: Deadline = NO_DEADLINE
    ) -> AnalysisOutcome: ...

    async def confirm_meal_analysis(
        self, actor: Actor, command: ConfirmMealAnalysis, deadline: Deadline = NO_DEADLINE
    ) -> ConfirmOutcome: ...

    async def update_meal(
        self, actor: Actor, command: UpdateMeal, deadline: Deadline = NO_DEADLINE
    ) -> MealOutcome: ...

    async def delete_meal(
        self, actor: Actor, command: DeleteMeal, deadline: Deadline = NO_DEADLINE
    ) -> MealOutcome: ...
