"""What people may ask of the ledger: the commands as plain data, and what each answers."""

from datetime import datetime
from typing import Protocol

from msgspec import UNSET, Struct, UnsetType, field

from ledger.deadline import Deadline
from ledger.errors import LedgerError
from ledger.values import MealSnapshot, MealType


class RequestContext(Struct, frozen=True, kw_only=True):
    """Who asks, in which request, and until when an answer is of use."""

    user_id: str
    correlation_id: str
    deadline: Deadline = field(default_factory=Deadline)


class AnalyzeMealPhoto(Struct, frozen=True, kw_only=True):
    """Analyse a photo and propose a meal. Absent arguments default to now, UTC, and the meal type of the local hour."""

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
    """Change a meal. What is absent stays; `notes=None` clears the notes."""

    meal_id: str
    meal_type: MealType | None = None
    eaten_at: datetime | None = None
    time_zone: str | None = None
    notes: str | UnsetType | None = UNSET
    entries: tuple[EntryAmount, ...] | None = None


class DeleteMeal(Struct, frozen=True, kw_only=True):
    meal_id: str


class MealOutcome(Struct, frozen=True, kw_only=True):
    """The meal as the command left it, and a position of the log at which it is so."""

    meal: MealSnapshot
    position: int


class AnalysisOutcome(MealOutcome, frozen=True, kw_only=True):
    """`error` says why the meal is FAILED, or still ANALYZING; absent for one that was analysed."""

    error: LedgerError | None


class ConfirmOutcome(MealOutcome, frozen=True, kw_only=True):
    """How many entries were kept and how many rejected."""

    confirmed_count: int
    rejected_count: int


class MealCommands(Protocol):
    """The write side, as its callers see it. Every method raises LedgerError for a refusal."""

    async def analyze_meal_photo(
        self, context: RequestContext, command: AnalyzeMealPhoto
    ) -> AnalysisOutcome: ...

    async def confirm_meal_analysis(
        self, context: RequestContext, command: ConfirmMealAnalysis
    ) -> ConfirmOutcome: ...

    async def update_meal(self, context: RequestContext, command: UpdateMeal) -> MealOutcome: ...

    async def delete_meal(self, context: RequestContext, command: DeleteMeal) -> MealOutcome: ...
