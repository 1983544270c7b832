"""What an analysis proposes."""

from msgspec import Struct

from ledger.values import MealEntry, MealWarning, TokenUsage


class Proposal(Struct, frozen=True, kw_only=True):
    """What an analysis found: the entries to be reviewed, and what finding them took. See MealAnalyzed for units."""

    dish_name: str | None
    entries: tuple[MealEntry, ...]
    warnings: tuple[MealWarning, ...]
    model: str
    prompt_version: str
    tokens: TokenUsage
    cost: float | None
    cost_currency: str | None
    price_table: str | None
    duration_ms: int
