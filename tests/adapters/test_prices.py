"""What an answer cost, by a table of prices."""

import msgspec
import pytest

from adapters.prices import PriceTable
from ledger import TokenUsage

TABLE = msgspec.json.decode(
    b"""{"version": "2026-11-01", "currency": "USD", "models": {
        "vision-1": {"input": 2.0, "cached": 0.5, "written": 2.5, "output": 10.0},
        "vision-1@flex": {"input": 1.0, "cached": 0.25, "written": 1.25, "output": 5.0}}}""",
    type=PriceTable,
)


def tokens(
    given: int | None, output: int | None, cached: int | None = None, written: int | None = None
) -> TokenUsage:
    return TokenUsage(input=given, cached=cached, written=written, output=output)


@pytest.mark.parametrize(
    ("model", "tier", "used", "cost"),
    [
        ("vision-1", None, tokens(1000, 100), 0.003),
        ("vision-1", "default", tokens(1000, 100, cached=600, written=200), 0.0022),
        ("vision-1", "auto", tokens(0, 0), 0.0),
        ("vision-1-2026-10-02", None, tokens(1000, 100), 0.003),
        ("vision-1-20261002", "flex", tokens(1000, 100), 0.0015),
        ("vision-1", "priority", tokens(1000, 100), None),
        ("vision-2", None, tokens(1000, 100), None),
        ("vision-1-mini", None, tokens(1000, 100), None),
        ("vision-1", None, tokens(None, 100), None),
        ("vision-1", None, tokens(1000, None), None),
        ("vision-1", None, tokens(100, 0, cached=150), 0.000075),
    ],
)
def test_cost(model: str, tier: str | None, used: TokenUsage, cost: float | None) -> None:
    assert TABLE.cost(model, tier, used) == cost


def test_a_table_with_a_rate_missing_or_misspelt_is_refused() -> None:
    table = b'{"version": "1", "currency": "USD", "models": {"a": {"input": 1, "output": 1}}}'
    with pytest.raises(msgspec.ValidationError, match="cached"):
        msgspec.json.decode(table, type=PriceTable)
