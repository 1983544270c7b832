"""The queries on the read models as plain data, their results, and the port that runs them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from msgspec import Struct

from ledger import MealSnapshot, MealStatus, MealType, Nutrients

MAX_PAGE = 100
"""The most meals that one page of a history holds."""


class MealTypeSummary(Struct, frozen=True, kw_only=True):
    """The confirmed meals of one type on one day."""

    meal_type: MealType
    meal_count: int
    totals: Nutrients


class DailySummary(Struct, frozen=True, kw_only=True):
    """One person's local day: totals of the CONFIRMED meals, and how many ANALYZED ones wait to be reviewed.

    `breakdown` holds the types that have confirmed meals, in the order of MealType. Every event of the log up to
    `position` is in it. A day without meals has zero meals and totals of 0, complete.
    """

    date: date
    totals: Nutrients
    meal_count: int
    pending_count: int
    breakdown: tuple[MealTypeSummary, ...]
    position: int


class HistoryCursor(Struct, frozen=True, kw_only=True):
    """The place of a meal in a history: newest first by eaten time, then by id."""

    eaten_at: datetime
    meal_id: str


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """A page of a person's meals, newest first: at most `first` (1 to MAX_PAGE) of the meals behind `after`.

    `from_date` and `to_date` are local dates, the second exclusive. Without a status, deleted meals are left out.
    Raises ValueError for a `first` out of its bounds.
    """

    first: int
    after: HistoryCursor | None = None
    from_date: date | None = None
    to_date: date | None = None
    meal_type: MealType | None = None
    status: MealStatus | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.first <= MAX_PAGE:
            raise ValueError(f"a page holds 1 to {MAX_PAGE} meals, not {self.first}")


class MealPage(Struct, frozen=True, kw_only=True):
    """Some meals of a history, and whether older ones follow."""

    meals: tuple[MealSnapshot, ...]
    has_next_page: bool


class ReadModelCondition(Struct, frozen=True, kw_only=True):
    """How a read model fares: the position of the log that it reflects, and the log's newest.

    `problem` says why it cannot be read, None where it can. `has_projector`: a projector has lately said that it
    keeps it up to date.
    """

    name: str
    position: int
    head: int
    has_projector: bool
    problem: str | None = None

    @property
    def lag(self) -> int:
        """How many events it has still to reflect."""
        return max(0, self.head - self.position)


class ReadModels(Protocol):
    """The read side, as its callers see it: the meals and days of one person only.

    With `min_position` a result reflects at least that position of the log: the call waits for it within a bound,
    then raises ReadModelBehind; PositionBeyondHead is raised at once. Every method raises NotReady when the database
    does not answer, and when the read model is missing, being rebuilt or refused: never an empty result instead.
    """

    async def meal(
        self, user_id: str, meal_id: str, *, min_position: int | None = None
    ) -> MealSnapshot | None:
        """That meal; None when there is none, or when it is another person's.

        A deleted meal is returned with status DELETED and without its contents.
        """
        ...

    async def meal_history(
        self, user_id: str, query: HistoryQuery, *, min_position: int | None = None
    ) -> MealPage:
        """A page of the person's meals."""
        ...

    async def daily_summary(
        self, user_id: str, day: date, *, min_position: int | None = None
    ) -> DailySummary:
        """The person's local day."""
        ...

    async def conditions(self) -> Sequence[ReadModelCondition]:
        """How each read model fares. Raises NotReady when the database does not answer."""
        ...
