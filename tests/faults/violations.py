"""What a checker says when a rule is broken."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from tests.faults.history import Call

_MOST_PER_RULE = 5


@dataclass(frozen=True)
class Violation:
    """A rule that does not hold, what shows it, and the lines of the history that matter."""

    rule: str
    message: str
    evidence: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([f"{self.rule}: {self.message}", *(f"    {line}" for line in self.evidence)])


def the_first(violations: Iterable[Violation]) -> Iterator[Violation]:
    """The first few: one cause breaks a rule many times."""
    return islice(violations, _MOST_PER_RULE)


def describe(call: Call) -> str:
    """A call on one line."""
    places = ", ".join(f"{place.stream} v{place.version}" for place in call.places)
    ends = "; ".join(
        f"after {end.at - call.began:.3f} s {end.outcome} {end.positions or ''} {end.error}".rstrip()
        for end in call.ends
    )
    return (
        f"{call.name} of {call.writer}, began {call.began:.3f}, wanted {places}: {ends or 'never answered'}"
    )
