"""Our event store, wrong in one point of how its processes write each other's appends."""

from collections.abc import Sequence
from typing import Any

from adapters.mongo.append import Append, Pending
from adapters.mongo.batch import BatchLimits, LogBatch
from adapters.mongo.group_commit import Waiting
from adapters.mongo.guest import Guest
from adapters.mongo.local_turns import LocalTurn, LocalTurns
from adapters.mongo.recorders import MongoApplicationRecorder
from adapters.mongo.turns import Turn


class _Broken(MongoApplicationRecorder):
    batch: type[LogBatch]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = self.datastore.settings
        limits = BatchLimits(settings.attempt_timeout, settings.max_batch_events, settings.max_batch_bytes)

        def make_batch(waiting: Waiting) -> LogBatch:
            return self.batch(self.log, waiting, limits, self.datastore.app_name)

        self._group._make_batch = make_batch


class _Hasty(LogBatch):
    def _with_guests(self, appends: Sequence[Append], turn: Turn) -> Sequence[Pending]:
        sent = super()._with_guests(appends, turn)
        for position, append in enumerate(sent, (self._log.head or 0) + 1):
            if isinstance(append, Guest):
                append.succeed(position)
        if isinstance(turn, LocalTurn):
            turn.answer_guests(self._log.reads.clock.moment)
        return sent


class AnswersBeforeItKnows(_Broken):
    """Tells others that their appends took place when it is about to send them."""

    batch = _Hasty


class _Boastful(LogBatch):
    def _with_guests(self, appends: Sequence[Append], turn: Turn) -> Sequence[Pending]:
        sent = super()._with_guests(appends, turn)
        if isinstance(self._log.turns, LocalTurns):
            self._log.turns.board.tell((self._log.head or 0) + len(sent))
        return sent


class TellsTooEarly(_Broken):
    """Tells others that a position is committed when it has been sent."""

    batch = _Boastful
