"""Meals, loaded and appended without blocking the event loop."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import IntegrityError, PersistenceError

from ledger.application import MealLedger
from ledger.deadline import NO_DEADLINE, Deadline
from ledger.errors import Conflict, MealNotFound, ServiceUnavailable
from ledger.meal import Meal

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_UNREACHABLE = "The diary cannot be reached at the moment. Please try again."
_LEAST_SECONDS = 0.001
"""What a store call gets that begins at the last moment; no store takes 0."""


class OutcomeUnknown(ServiceUnavailable):
    """The store could not tell in time whether an append took place; it can be asked again by the id."""

    def __init__(self, append_id: UUID) -> None:
        super().__init__(_UNREACHABLE)
        self.append_id = append_id


class MealRepository:
    """The streams of meals behind an async face.

    The store's contract is synchronous, so a bounded pool of threads does the waiting, and at most `queue` calls of
    requests wait for one of them; work that is no request's own, such as the outcome of an analysis that has been paid
    for, is always let in. A call whose deadline has passed by the time a thread is free is never begun.
    """

    def __init__(self, application: MealLedger, *, threads: int, queue: int = 512) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="meal-repository")
        self._places = BoundedSemaphore(threads + queue)

    async def get(self, meal_id: UUID, deadline: Deadline = NO_DEADLINE) -> Meal:
        """The meal as its stream tells it. Raises MealNotFound, ServiceUnavailable."""
        return await self._read(lambda: self._load(meal_id), deadline)

    async def append(self, meal: Meal, deadline: Deadline = NO_DEADLINE) -> int:
        """Append the meal's new events, all or none; the position of the last one.

        Raises Conflict when the stream has grown meanwhile (nothing was appended). Raises ServiceUnavailable when the
        append was not begun by the deadline, or the store did not acknowledge it by then: it may still be there.
        """
        events = meal.collect_events()
        # Once begun it is never abandoned from here: the store answers by the deadline that it is given.
        try:
            return await self._run(lambda: self._save(events, deadline), deadline)
        except OutcomeUnknown as unknown:
            if deadline.passed:
                raise
            # Asked again under its id, the store finds what it has; it never appends the same twice.
            append_id = unknown.append_id
        return await self._run(lambda: self._save(events, deadline, append_id=append_id), deadline)

    async def head(self, deadline: Deadline = NO_DEADLINE) -> int:
        """The position of the newest event of the log; 0 while it is empty. Raises ServiceUnavailable."""
        return await self._read(self._application.recorder.max_notification_id, deadline) or 0

    def close(self) -> None:
        """Wait for the work in hand and end the threads."""
        self._pool.shutdown(wait=True)

    def _save(self, events: Sequence[DomainEventProtocol[UUID]], deadline: Deadline, **identity: UUID) -> int:
        seconds = _finite(deadline.remaining)
        timeout = {} if seconds is None else {"timeout": max(seconds, _LEAST_SECONDS)}
        return self._application.save(*events, **identity, **timeout)[-1].notification.id

    def _load(self, meal_id: UUID) -> Meal:
        meal: object = self._application.repository.get(meal_id)
        assert isinstance(meal, Meal)  # noqa: S101 - the mapper's registry admits no other aggregate
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
            if not done and future.cancel():  # which only work can be that has not begun
                raise _not_begun()
            return await result
        except AggregateNotFoundError as error:
            raise MealNotFound from error
        except IntegrityError as error:
            raise Conflict(
                "The meal was changed at the same time. Please look at it and try again."
            ) from error
        except PersistenceError as error:
            append_id = getattr(error, "append_id", None)
            if isinstance(append_id, UUID):
                raise OutcomeUnknown(append_id) from error
            _log.warning(
                "event_store_unavailable", extra={"error_type": type(error).__name__}, exc_info=error
            )
            raise ServiceUnavailable(_UNREACHABLE) from error


def _finite(seconds: float) -> float | None:
    return None if seconds == math.inf else seconds


def _not_begun() -> ServiceUnavailable:
    return ServiceUnavailable("The request waited too long and was not carried out. Please try again.")
