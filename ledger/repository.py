"""Loads meals and appends their events without blocking the event loop."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    MapperDeserialisationError,
    PersistenceError,
    StoredEvent,
)

from ledger.application import MealLedger
from ledger.deadline import NO_DEADLINE, Deadline
from ledger.errors import Conflict, MealFull, MealNotFound, OutcomeUnknown, ServiceUnavailable, Unreadable
from ledger.events import MealEvent
from ledger.meal import MAX_EVENTS, Meal

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_UNREACHABLE = "The diary cannot be reached at the moment. Please try again."
_LEAST_SECONDS = 0.001
"""The time-out of a store call that begins at the last moment: no store takes 0."""


class MealRepository:
    """The streams of meals.

    The store's contract is synchronous, so a bounded pool of threads calls it, and at most `queue` calls of requests
    wait for a thread. Work that is no request's own, such as the outcome of an analysis that has been paid for, is
    always accepted. A call whose deadline has passed when a thread becomes free is not begun.
    """

    def __init__(self, application: MealLedger, *, threads: int, queue: int = 512) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="meal-repository")
        self._places = BoundedSemaphore(threads + queue)

    async def get(self, meal_id: UUID, deadline: Deadline = NO_DEADLINE) -> Meal:
        """The meal as of its last event. Raises MealNotFound, MealFull, ServiceUnavailable."""
        return await self._read(lambda: self._load(meal_id), deadline)

    async def get_own(self, meal_id: UUID, user_id: str, deadline: Deadline = NO_DEADLINE) -> Meal:
        """The same, for its owner: another person's meal raises MealNotFound."""
        return await self._read(lambda: self._load(meal_id, user_id), deadline)

    async def append(self, meal: Meal, deadline: Deadline = NO_DEADLINE) -> int:
        """Append the meal's new events, all or none; the position of the last event.

        Raises Conflict when the stream has grown meanwhile (nothing was appended). Raises ServiceUnavailable when the
        append was not begun by the deadline, or not acknowledged by then: it may have taken place.
        """
        events = meal.collect_events()
        # An append that has begun is never abandoned here: the store returns by the deadline that it is given.
        try:
            return await self._run(lambda: self._save(events, deadline), deadline)
        except OutcomeUnknown as unknown:
            if deadline.passed:
                raise
            # A retry by the append's id finds the outcome; it never appends the same events twice.
            append_id = unknown.append_id
        return await self._run(lambda: self._save(events, deadline, append_id=append_id), deadline)

    async def last_position(self, deadline: Deadline = NO_DEADLINE) -> int:
        """The position of the newest event of the log; 0 while it is empty. Raises ServiceUnavailable."""
        return await self._read(self._application.recorder.max_notification_id, deadline) or 0

    def close(self) -> None:
        """Wait for the calls in progress and end the threads."""
        self._pool.shutdown(wait=True)

    def _save(self, events: Sequence[DomainEventProtocol[UUID]], deadline: Deadline, **identity: UUID) -> int:
        seconds = _finite(deadline.remaining)
        timeout = {} if seconds is None else {"timeout": max(seconds, _LEAST_SECONDS)}
        return self._application.save(*events, **identity, **timeout)[-1].notification.id

    def _load(self, meal_id: UUID, owner: str | None = None) -> Meal:
        # Counted before it is decoded: a stream without end would keep a thread busy for seconds.
        try:
            stored = self._application.recorder.select_events(meal_id, limit=MAX_EVENTS + 1)
            meal = self._replay(stored[:1])
            # The owner is asked for first: how long another person's meal takes to load tells nothing of it.
            if meal is None or owner not in {None, meal.user_id}:
                raise MealNotFound
            if len(stored) > MAX_EVENTS:
                raise MealFull(
                    f"This meal has more than {MAX_EVENTS} changes and can no longer be changed or deleted. "
                    "To change it further, record it again."
                )
            return self._replay(stored[1:], meal) or meal
        except (DataError, MapperDeserialisationError) as error:
            _log.exception("event_unreadable", extra={"meal_id": str(meal_id)})
            raise Unreadable from error

    def _replay(self, stored: Sequence[StoredEvent], meal: Meal | None = None) -> Meal | None:
        for event in map(self._application.mapper.to_domain_event, stored):
            time.sleep(0)  # let other threads run: the interpreter would switch only every few milliseconds
            assert isinstance(event, MealEvent)  # noqa: S101 - the mapper's registry admits no other
            meal = event.mutate(meal)
        return meal

    async def _read(self, read: Callable[[], _T], deadline: Deadline) -> _T:
        """The library's reads take no time-out: the caller stops waiting, the store's own deadline frees the thread."""
        try:
            async with asyncio.timeout(_finite(deadline.remaining)):
                return await self._run(read, deadline)
        except TimeoutError:
            raise ServiceUnavailable(_UNREACHABLE) from None

    def _queue(self, work: Callable[[], _T]) -> Future[_T]:
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable("Too many requests are waiting. Please try again in a moment.")
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        return future

    async def _run(self, work: Callable[[], _T], deadline: Deadline) -> _T:
        def unless_passed() -> _T:
            if deadline.passed:
                raise _not_begun()
            return work()

        future = self._pool.submit(unless_passed) if deadline is NO_DEADLINE else self._queue(unless_passed)
        result = asyncio.wrap_future(future)
        try:
            done, _ = await asyncio.wait([result], timeout=_finite(deadline.remaining))
            if not done and future.cancel():  # only work that has not begun can be cancelled
                raise _not_begun()
            return await result
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


def _finite(seconds: float) -> float | None:
    return None if seconds == math.inf else seconds


def _not_begun() -> ServiceUnavailable:
    return ServiceUnavailable("The request waited too long and was not carried out. Please try again.")
