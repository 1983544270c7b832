"""Runs of analyses: each ends in exactly one outcome in the log, whoever waits, leaves or crashes."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from uuid import UUID

from ledger.analysis import MealAnalysis
from ledger.commands import AnalysisOutcome
from ledger.deadline import Deadline
from ledger.errors import AnalysisError, Conflict, LedgerError, ServiceUnavailable, failure
from ledger.meal import Actor, Meal
from ledger.repository import MealRepository
from ledger.values import MealStatus

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_SHARE_OF_REQUEST = 0.9
"""How much of what is left of a request the analysis may take: the rest is for recording its outcome."""


class AnalysisRuns:
    """Starts analyses, lets twins wait for them, and settles those that a crash cut off."""

    def __init__(
        self,
        meals: MealRepository,
        analysis: MealAnalysis,
        *,
        deadline: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._meals = meals
        self._analysis = analysis
        self._deadline = deadline
        self._clock = clock
        self._running: dict[UUID, asyncio.Task[AnalysisOutcome]] = {}

    async def run(self, meal: Meal, actor: Actor, request: Deadline) -> AnalysisOutcome:
        """Analyse the meal just requested; one whose caller has gone meanwhile fails without a call of the model.

        Once begun, the analysis goes on to its outcome even if the caller goes away. Raises ServiceUnavailable when
        the request's deadline comes first.
        """
        task = asyncio.create_task(self._analyze(meal, actor, request))
        self._running[meal.id] = task
        task.add_done_callback(lambda _: self._running.pop(meal.id))
        return await _within(request, task)

    async def outcome_of(self, meal: Meal, request: Deadline) -> AnalysisOutcome:
        """The outcome of the first request, for its twin: waited for while it is being found.

        That is at most twice the deadline from the request: then a crash has cut the analysis off, and it is
        settled. One that cannot be settled is answered as ANALYZING, with ServiceUnavailable. Raises
        ServiceUnavailable when the deadline of the twin's own request comes first.
        """
        running = self._running.get(meal.id)
        if running is not None:
            return await _within(request, running)
        clock = asyncio.get_running_loop().time
        patience = clock() + 2 * self._deadline.total_seconds() + 2 * _POLL_SECONDS
        while meal.status is MealStatus.ANALYZING and clock() < patience:
            if self._is_stale(meal):
                await self.settle_stale(meal.id)
            else:
                await asyncio.sleep(_POLL_SECONDS)
            if request.passed:
                raise _under_way()
            meal = await self._meals.get(meal.id, request)
        return await self._answer(meal)

    async def settle_stale(self, meal_id: UUID) -> bool:
        """Fail the analysis if it is older than twice the deadline and has no outcome; whether this call did.

        The append is the claim: of all the processes that try at once, one succeeds.
        """
        meal = await self._meals.get(meal_id)
        if not self._is_stale(meal):
            return False
        meal.fail(
            ServiceUnavailable("The analysis was cut off. Please try again."),
            actor=Actor(name="system", correlation_id=f"settle-{meal_id}"),
        )
        try:
            await self._meals.append(meal)
        except Conflict:
            return False
        _log.warning("stale_analysis_settled", extra={"meal_id": str(meal_id)})
        return True

    def _is_stale(self, meal: Meal) -> bool:
        return meal.status is MealStatus.ANALYZING and self._clock() - meal.created_on > 2 * self._deadline

    async def drain(self) -> None:
        """Wait until every run has ended."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def _analyze(self, meal: Meal, actor: Actor, request: Deadline) -> AnalysisOutcome:
        try:
            _require_caller(request)
            async with asyncio.timeout(
                min(self._deadline.total_seconds(), _SHARE_OF_REQUEST * request.remaining)
            ):
                proposal = await self._analysis.propose(
                    photo_url=meal.photo_url, dish_hint=meal.dish_hint, user_id=meal.user_id
                )
            meal.propose(proposal, actor=actor)
        except TimeoutError:
            meal.fail(ServiceUnavailable("The analysis took too long. Please try again."), actor=actor)
        except AnalysisError as error:
            meal.fail(error, actor=actor)
        except Exception:
            # A fault of ours. It is reported by whoever gets it; the meal must not wait for the sweep.
            meal.fail(ServiceUnavailable("The analysis failed. Please try again."), actor=actor)
            await self._record(meal)
            raise
        return await self._record(meal)

    async def _record(self, meal: Meal) -> AnalysisOutcome:
        try:
            position = await self._meals.append(meal)
        except Conflict:
            # It outlived twice its deadline and was settled meanwhile: that outcome stands.
            return await self._answer(await self._meals.get(meal.id))
        return AnalysisOutcome(meal=meal.snapshot(), position=position, error=_error_of(meal))

    async def _answer(self, meal: Meal) -> AnalysisOutcome:
        return AnalysisOutcome(meal=meal.snapshot(), position=await self._meals.head(), error=_error_of(meal))


def _require_caller(request: Deadline) -> None:
    if request.passed:
        raise ServiceUnavailable("The request was abandoned before the analysis began. Please try again.")


async def _within(request: Deadline, run: asyncio.Task[AnalysisOutcome]) -> AnalysisOutcome:
    done, _ = await asyncio.wait([run], timeout=None if request.remaining == inf else request.remaining)
    if not done:
        raise _under_way()
    return run.result()


def _under_way() -> ServiceUnavailable:
    return ServiceUnavailable("The analysis is still in progress. Please ask again.")


def _error_of(meal: Meal) -> LedgerError | None:
    if meal.status is MealStatus.ANALYZING:
        return _under_way()
    if meal.failure_code is None or meal.failure_message is None:
        return None
    return failure(meal.failure_code, meal.failure_message)
