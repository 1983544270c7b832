"""Runs of analyses: each ends in exactly one outcome in the log, whoever waits, leaves or crashes."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from ledger.analysis import MealAnalysis
from ledger.commands import AnalysisOutcome
from ledger.errors import ANALYSIS_FAILURES, Conflict, LedgerError, ServiceUnavailable, failure
from ledger.meal import Meal
from ledger.repository import MealRepository
from ledger.values import Actor, MealStatus

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1


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

    async def run(self, meal: Meal, actor: Actor) -> AnalysisOutcome:
        """Analyse the meal just requested. The run goes on to its outcome even if the caller goes away."""
        task = asyncio.create_task(self._analyze(meal, actor))
        self._running[meal.id] = task
        task.add_done_callback(lambda _: self._running.pop(meal.id))
        return await asyncio.shield(task)

    async def outcome_of(self, meal: Meal) -> AnalysisOutcome:
        """The outcome of the first request, for its twin: waited for while it is being found.

        That is at most twice the deadline from the request: then a crash has cut the analysis off, and it is
        settled. One that cannot be settled is answered as ANALYZING, with ServiceUnavailable.
        """
        running = self._running.get(meal.id)
        if running is not None:
            return await asyncio.shield(running)
        clock = asyncio.get_running_loop().time
        patience = clock() + 2 * self._deadline.total_seconds() + 2 * _POLL_SECONDS
        while meal.status is MealStatus.ANALYZING and clock() < patience:
            if self._is_stale(meal):
                await self.settle_stale(meal.id)
            else:
                await asyncio.sleep(_POLL_SECONDS)
            meal = await self._meals.get(meal.id)
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
            actor=Actor(user_id="system", correlation_id=f"settle-{meal_id}"),
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

    async def _analyze(self, meal: Meal, actor: Actor) -> AnalysisOutcome:
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                proposal = await self._analysis.propose(
                    photo_url=meal.photo_url, dish_hint=meal.dish_hint, user_id=meal.user_id
                )
            meal.propose(proposal, actor=actor)
        except TimeoutError:
            meal.fail(ServiceUnavailable("The analysis took too long. Please try again."), actor=actor)
        except ANALYSIS_FAILURES as error:
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


def _error_of(meal: Meal) -> LedgerError | None:
    if meal.status is MealStatus.ANALYZING:
        return ServiceUnavailable("The analysis is still under way. Please ask again.")
    if meal.failure_code is None or meal.failure_message is None:
        return None
    return failure(meal.failure_code, meal.failure_message)
