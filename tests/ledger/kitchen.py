"""The write side over a store in memory, with everything behind the handlers within reach of a test."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import structs

from ledger import (
    Actor,
    AnalysisLimits,
    AnalysisRuns,
    AnalyzeMealPhoto,
    CommandHandlers,
    FoodSearch,
    MealAnalysis,
    MealLedger,
    MealRepository,
)
from ledger.local_day import now
from tests.ledger.ports import Recognizer, food, usda

ALICE = Actor(user_id="alice", correlation_id="request-1")
BOB = Actor(user_id="bob", correlation_id="request-2")
PHOTO = AnalyzeMealPhoto(photo_url="https://example.com/test.jpg")
KEYED = structs.replace(PHOTO, idempotency_key="key-1")


class Kitchen:
    """Handlers with everything behind them within reach."""

    def __init__(
        self,
        recognizer: Recognizer | None = None,
        *,
        ledger: MealLedger | None = None,
        deadline: float = 5.0,
        clock: Callable[[], datetime] = now,
        local: bool = False,
        limits: AnalysisLimits | None = None,
    ) -> None:
        self.ledger = ledger or MealLedger(env={"PERSISTENCE_MODULE": "eventsourcing.popo"})
        self.recognizer = recognizer or Recognizer(food("rice", 150), food("chicken", 120))
        self.meals = MealRepository(self.ledger, threads=2)
        self.runs = AnalysisRuns(
            self.meals,
            MealAnalysis(self.recognizer, FoodSearch([usda()])),
            deadline=timedelta(seconds=deadline),
            clock=clock,
        )
        self.commands = CommandHandlers(
            self.meals,
            self.runs,
            limits=limits or AnalysisLimits(),
            id_secret=b"a secret of tests",
            local_environment=local,
            clock=clock,
        )

    def topics(self) -> list[str]:
        return [notification.topic for notification in self.ledger.recorder.select_notifications(1, 1000)]


@asynccontextmanager
async def kitchen(recognizer: Recognizer | None = None, **settings: object) -> AsyncIterator[Kitchen]:
    made = Kitchen(recognizer, **settings)  # type: ignore[arg-type] # handed on as they are
    try:
        yield made
        await made.runs.drain()
    finally:
        made.meals.close()


async def cut_off(it: Kitchen) -> UUID:
    """A meal whose analysis a crash cut off, as the log has it."""
    meal = it.commands._requested(ALICE, KEYED)
    await it.meals.append(meal)
    return meal.id
