"""Random sources that a seed replays."""

from random import Random


def random_of(seed: int, purpose: str) -> Random:
    """The same source for the same seed and purpose, independent of those for other purposes."""
    return Random(f"{seed} {purpose}")  # noqa: S311 - it has to be repeatable, and guards nothing
