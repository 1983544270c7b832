"""The wait before a commit that keeps the writers of several processes out of each other's way (record 011)."""

from random import uniform

_LONGEST_SECONDS = 0.02
_STALE_COMMITS = 0.4
_MEMORY = 0.9
_WEIGHT = 0.3
_CONTENDED = 0.05


class CommitDelay:
    """A delay for writers that have lately lost positions to another process: the longer, the larger their batches.

    Large batches mean that many appends arrive: waiting a little then makes the next batch larger still, and leaves the
    end of the log free for others. A writer of single appends would only wait, so it does not; nor does a process that
    writes alone, which never loses. After a loss there is no delay: the reply tells that the other commit is through.
    The unit is the time that a commit takes, which differs between servers by a factor of ten.
    """

    def __init__(self) -> None:
        self._losses = 0.0
        self._appends = 1.0
        self._commit_seconds = 0.0

    @property
    def seconds(self) -> float:
        """The longest wait before a new batch."""
        if self._losses < _CONTENDED:
            return 0.0
        return min(_LONGEST_SECONDS, self._commit_seconds * (self._appends - 1))

    @property
    def outlasts_head(self) -> bool:
        """Whether another process has probably appended meanwhile: reading the head then costs less than a loss."""
        return self.seconds > _STALE_COMMITS * self._commit_seconds

    def draw(self) -> float:
        """How long to wait now, in seconds; at random, so that processes do not keep step."""
        return uniform(self.seconds / 2, self.seconds)  # noqa: S311 - guards nothing

    def won(self, appends: int, seconds: float) -> None:
        """A batch of so many appends was written where it was guessed, by a commit that took so long."""
        self._losses *= _MEMORY
        self._appends += _WEIGHT * (appends - self._appends)
        self._commit_seconds += _WEIGHT * (seconds - self._commit_seconds)

    def lost(self) -> None:
        """Another process had written at the position that was guessed."""
        self._losses = self._losses * _MEMORY + (1 - _MEMORY)
