"""Runs of analyses: each has exactly one outcome in the log, though callers leave and processes crash."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from uuid import UUID

from msgspec import structs

from ledger.analysis import MealAnalysis
from ledger.commands import AnalysisOutcome, AnalysisReport
from ledger.deadline import Deadline
from ledger.errors import ANALYSIS_FAILURES, Conflict, LedgerError, ServiceUnavailable, failure
from ledger.local_day import now
from ledger.meal import Meal
from ledger.repository import MealRepository
from ledger.steps import Steps
from ledger.values import Actor, MealStatus

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_SHARE_OF_REQUEST = 0.9
"""The share of a request's remaining time that the analysis may take; the rest is for recording its outcome."""


class AnalysisRuns:
    """Starts analyses, lets duplicate requests wait for their outcome, and fails the ones that a crash cut off."""

    def __init__(
        self,
        meals: MealRepository,
        analysis: MealAnalysis,
        *,
        deadline: timedelta,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._meals = meals
        self._analysis = analysis
        self._deadline = deadline
        self._clock = clock
        self._running: dict[UUID, asyncio.Task[AnalysisOutcome]] = {}

    async def run(
        self, meal: Meal, actor: Actor, request: Deadline, *, on_end: Callable[[], None] = lambda: None
    ) -> AnalysisOutcome:
        """Analyse the meal just requested. When the caller has left by now, it fails without a call of the model.

        A run continues to its outcome even when the caller leaves; `on_end` is called then. Raises ServiceUnavailable
        when the request's deadline comes first.
        """

        def ended(_: object) -> None:
            self._running.pop(meal.id)
            on_end()

        task = asyncio.create_task(self._analyze(meal, actor, request))
        self._running[meal.id] = task
        task.add_done_callback(ended)
        try:
            return await _within(request, task)
        except (ServiceUnavailable, asyncio.CancelledError):
            task.add_done_callback(_log_late)
            raise

    async def outcome_of(self, meal: Meal, request: Deadline) -> AnalysisOutcome:
        """The outcome of the first request, for a duplicate request: waits for it while the analysis runs.

        After twice the deadline the analysis is stale, and fails. Where that is not possible, the outcome is
        ANALYZING, with ServiceUnavailable. Raises ServiceUnavailable when the deadline of the duplicate request comes
        first.
        """
        running = self._running.get(meal.id)
        if running is not None:
            return await _within(request, running)
        clock = asyncio.get_running_loop().time
        patience = clock() + 2 * self._deadline.total_seconds() + 2 * _POLL_SECONDS
        while meal.status is MealStatus.ANALYZING and clock() < patience:
            if self._is_stale(meal):
                await self.fail_if_stale(meal.id)
            else:
                await asyncio.sleep(_POLL_SECONDS)
            if request.passed:
                raise _under_way()
            meal = await self._meals.get(meal.id, request)
        return await self._current(meal)

    def stale_before(self) -> datetime:
        """An analysis requested before this instant and without an outcome was cut off by a crash."""
        return self._clock() - 2 * self._deadline

    async def fail_if_stale(self, meal_id: UUID) -> bool:
        """Fail the analysis if it is stale; whether this call did.

        The append is the claim: of all the processes that try at once, one succeeds.
        """
        meal = await self._meals.get(meal_id)
        if not self._is_stale(meal):
            return False
        meal.fail(
            ServiceUnavailable("The analysis was cut off. Please try again."),
            actor=Actor(user_id="system", correlation_id=f"stale-{meal_id}"),
        )
        try:
            await self._meals.append(meal)
        except Conflict:
            return False
        _log.warning("stale_analysis_failed", extra={"meal_id": str(meal_id)})
        return True

    def _is_stale(self, meal: Meal) -> bool:
        return meal.status is MealStatus.ANALYZING and meal.created_on < self.stale_before()

    async def drain(self) -> None:
        """Wait until every run has ended."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def _analyze(self, meal: Meal, actor: Actor, request: Deadline) -> AnalysisOutcome:
        steps, run = Steps(), None
        try:
            _require_caller(request)
            proposal = await self._analysis.propose(
                photo_url=meal.photo_url,
                dish_hint=meal.dish_hint,
                user_id=meal.user_id,
                seconds=min(self._deadline.total_seconds(), _SHARE_OF_REQUEST * request.remaining),
                steps=steps,
            )
            run = proposal.run
            meal.propose(proposal, actor=actor)
        except TimeoutError:
            meal.fail(ServiceUnavailable("The analysis took too long. Please try again."), actor=actor)
        except ANALYSIS_FAILURES as error:
            meal.fail(error, actor=actor)
        except Exception:
            # A fault of ours, which the caller reports; the meal must not stay ANALYZING until the sweep.
            meal.fail(ServiceUnavailable("The analysis failed. Please try again."), actor=actor)
            await self._record(meal)
            raise
        with steps.take("record"):
            outcome = await self._record(meal)
        return structs.replace(outcome, report=AnalysisReport(run=run, steps=steps.milliseconds))

    async def _record(self, meal: Meal) -> AnalysisOutcome:
        try:
            position = await self._meals.append(meal)
        except Conflict:
            # The run outlived twice its deadline, and the sweep failed the meal: that outcome stands.
            return await self._current(await self._meals.get(meal.id))
        return AnalysisOutcome(meal=meal.snapshot(), position=position, error=_error_of(meal))

    async def _current(self, meal: Meal) -> AnalysisOutcome:
        return AnalysisOutcome(
            meal=meal.snapshot(), position=await self._meals.last_position(), error=_error_of(meal)
        )


def _require_caller(request: Deadline) -> None:
    if request.passed:
        raise ServiceUnavailable("The request was abandoned before the analysis began. Please try again.")


def _log_late(task: asyncio.Task[AnalysisOutcome]) -> None:
    """The outcome of an analysis whose caller was not told of it."""
    if task.exception() is None:
        outcome = task.result()
        code = None if outcome.error is None else outcome.error.code
        details = {"meal_id": outcome.meal.id, "status": outcome.meal.status, "code": code}
        _log.info("analysis_ended_late", extra=details)


async def _within(request: Deadline, run: asyncio.Task[AnalysisOutcome]) -> AnalysisOutcome:
    done, _ = await asyncio.wait([run], timeout=None if request.remaining == inf else request.remaining)
    if not done:
        raise _under_way()
    return run.result()


def _under_way() -> ServiceUnavailable:
    return ServiceUnavailable("The analysis is still in progress. Please retry the request.")


def _error_of(meal: Meal) -> LedgerError | None:
    if meal.status is MealStatus.ANALYZING:
        return _under_way()
    if meal.failure_code is None or meal.failure_message is None:
        return None
    return failure(meal.failure_code, meal.failure_message)
