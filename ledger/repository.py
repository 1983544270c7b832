"""Loads meals and appends their events without blocking the event loop."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent

from ledger.application import MealLedger
from ledger.errors import Conflict, MealFull, MealNotFound, OutcomeUnknown, ServiceUnavailable
from ledger.events import MealEvent
from ledger.meal import MAX_EVENTS, Meal

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_UNREACHABLE = "The diary cannot be reached at the moment. Please try again."


class MealRepository:
    """The streams of meals. The store's contract is synchronous, so a bounded pool of threads calls it."""

    def __init__(self, application: MealLedger, *, threads: int) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="meal-repository")

    async def get(self, meal_id: UUID) -> Meal:
        """The meal as of its last event. Raises MealNotFound, MealFull, ServiceUnavailable."""
        return await self._run(lambda: self._load(meal_id))

    async def get_own(self, meal_id: UUID, user_id: str) -> Meal:
        """The same, for its owner: another person's meal raises MealNotFound."""
        return await self._run(lambda: self._load(meal_id, user_id))

    async def append(self, meal: Meal) -> int:
        """Append the meal's new events, all or none; the position of the last event.

        Raises Conflict when the stream has grown meanwhile (nothing was appended), and ServiceUnavailable.
        """
        events = meal.collect_events()
        try:
            return await self._run(lambda: self._save(events))
        except OutcomeUnknown as unknown:
            # A retry by the append's id finds the outcome; it never appends the same events twice.
            append_id = unknown.append_id
        return await self._run(lambda: self._save(events, append_id=append_id))

    async def last_position(self) -> int:
        """The position of the newest event of the log; 0 while it is empty. Raises ServiceUnavailable."""
        return await self._run(self._application.recorder.max_notification_id) or 0

    def close(self) -> None:
        """Wait for the calls in progress and end the threads."""
        self._pool.shutdown(wait=True)

    def _save(self, events: Sequence[DomainEventProtocol[UUID]], **identity: UUID) -> int:
        return self._application.save(*events, **identity)[-1].notification.id

    def _load(self, meal_id: UUID, owner: str | None = None) -> Meal:
        # Counted before it is decoded: a stream without end would keep a thread busy for seconds.
        stored = self._application.recorder.select_events(meal_id, limit=MAX_EVENTS + 1)
        too_long = len(stored) > MAX_EVENTS
        meal = self._replay(stored[:1] if too_long else stored)
        if meal is None or owner not in {None, meal.user_id}:
            raise MealNotFound
        if too_long:
            raise MealFull(
                f"This meal has more than {MAX_EVENTS} changes and can no longer be changed or deleted. "
                "To change it further, record it again."
            )
        return meal

    def _replay(self, stored: Sequence[StoredEvent]) -> Meal | None:
        meal: Meal | None = None
        for event in map(self._application.mapper.to_domain_event, stored):
            time.sleep(0)  # let other threads run: the interpreter would switch only every few milliseconds
            assert isinstance(event, MealEvent)  # noqa: S101 - the mapper's registry admits no other
            meal = event.mutate(meal)
        return meal

    async def _run(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except IntegrityError as error:
            raise Conflict(
                "The meal was changed by another request at the same time. Load it again and retry."
            ) from error
        except PersistenceError as error:
            append_id = getattr(error, "append_id", None)
            if isinstance(append_id, UUID):
                raise OutcomeUnknown(_UNREACHABLE, append_id=append_id) from error
            _log.warning(
                "event_store_unavailable", extra={"error_type": type(error).__name__}, exc_info=error
            )
            raise ServiceUnavailable(_UNREACHABLE) from error
