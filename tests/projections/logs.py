"""A log to project from: the meals of a test, in the event store on a real MongoDB."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.mongo.event_store import MongoApplicationRecorder
from adapters.mongo_projections.log_reader import RecorderLogReader
from ledger import Meal, MealLedger, TypedEventMapper


class MealLog(RecorderLogReader):
    """A log that a test writes to. One that is too short is believed at once."""

    def __init__(self, ledger: MealLedger) -> None:
        assert isinstance(ledger.mapper, TypedEventMapper)
        assert isinstance(ledger.recorder, MongoApplicationRecorder)
        super().__init__(ledger.recorder, ledger.mapper, confirm_seconds=0)
        self.ledger = ledger

    def save(self, *meals: Meal) -> int:
        """Append the meals' new events; the position of the last."""
        return [recording.notification.id for recording in self.ledger.save(*meals)][-1]


@contextmanager
def meal_log(url: str, database: str, **settings: str) -> Iterator[MealLog]:
    """A log in that database; `settings` are further settings of the event store."""
    environment = {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": url,
        "MONGODB_DATABASE": database,
        **settings,
    }
    with MealLedger(env=environment) as ledger:
        yield MealLog(ledger)
