"""Figures of several rounds, and how they compare."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from ops.bench.stores import StoreName


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of `values` does not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@dataclass
class Row:
    """One line of the table: what each store managed in each round.

    `goal` is what the project asks for, in words.
    """

    what: str
    unit: str
    goal: str = ""
    rounds: dict[StoreName, list[float]] = field(default_factory=dict)

    def add(self, name: StoreName, figure: float) -> None:
        """Note the figure of one more round."""
        self.rounds.setdefault(name, []).append(figure)

    def figure(self, name: StoreName) -> str:
        """The median, and half the distance between least and greatest in percent of it; empty without any."""
        figures = self.rounds.get(name)
        if not figures:
            return ""
        middle = median(figures)
        spread = (max(figures) - min(figures)) / 2 / middle if middle else 0.0
        return f"{_number(middle)} ±{spread:.0%}"

    def ratio(self, peer: StoreName) -> str:
        """The median of the store's figure by the peer's in the same round; empty without any."""
        pairs = zip(self.rounds.get("store", []), self.rounds.get(peer, []), strict=False)
        ratios = [ours / theirs for ours, theirs in pairs if theirs]
        return f"{median(ratios):.2f}x" if ratios else ""


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
