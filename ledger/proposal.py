"""The proposal of an analysis."""

from msgspec import Struct

from ledger.values import MealEntry, MealWarning, ModelRun


class Proposal(Struct, frozen=True, kw_only=True):
    """The result of an analysis: the entries to be reviewed. `duration_ms` is the whole analysis, in milliseconds."""

    dish_name: str | None
    entries: tuple[MealEntry, ...]
    warnings: tuple[MealWarning, ...]
    run: ModelRun
    duration_ms: int
