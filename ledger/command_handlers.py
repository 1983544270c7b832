"""What each command does: check, load, decide, append, and answer from the aggregate just written."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from random import uniform

from msgspec import UNSET, structs

from ledger.analysis import MealAnalysis
from ledger.analysis_run import AnalysisRuns
from ledger.arguments import (
    MAX_HINT,
    MAX_NOTES,
    check_amounts,
    check_idempotency_key,
    check_text,
    check_timing,
    parse_meal_id,
)
from ledger.commands import (
    AnalysisOutcome,
    AnalyzeMealPhoto,
    ConfirmMealAnalysis,
    ConfirmOutcome,
    DeleteMeal,
    MealOutcome,
    RequestContext,
    UpdateMeal,
)
from ledger.errors import Conflict, IdempotencyConflict, MealNotFound
from ledger.idempotency import fingerprint, meal_id_for
from ledger.local_day import now
from ledger.meal import Actor, Meal
from ledger.photo_url import check_photo_url
from ledger.repository import MealRepository
from ledger.values import Timing

_ATTEMPTS = 8
"""How often a command is decided anew when the meal changes under it."""


class CommandHandlers:
    """The commands of `MealCommands`."""

    def __init__(
        self,
        meals: MealRepository,
        analysis: MealAnalysis,
        *,
        deadline: timedelta,
        local_environment: bool,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._meals = meals
        self._runs = AnalysisRuns(meals, analysis, deadline=deadline, clock=clock)
        self._local_environment = local_environment
        self._clock = clock

    async def analyze_meal_photo(self, context: RequestContext, command: AnalyzeMealPhoto) -> AnalysisOutcome:
        """Append the request, analyse, append the outcome. A repeated key answers as the first request did.

        Raises InvalidArgument, IdempotencyConflict, and ServiceUnavailable when the log cannot be reached.
        """
        meal = self._requested(context, command)
        try:
            await self._meals.append(meal, context.deadline)
        except Conflict:
            first = await self._meals.get(meal.id, context.deadline)
            if first.fingerprint != meal.fingerprint:
                raise IdempotencyConflict(
                    "This idempotency key was used for a different request.", field="idempotencyKey"
                ) from None
            return await self._runs.outcome_of(first, context.deadline)
        return await self._runs.run(meal, _actor(context), context.deadline)

    def _requested(self, context: RequestContext, command: AnalyzeMealPhoto) -> Meal:
        at = self._clock()
        meal_id = meal_id_for(context.user_id, check_idempotency_key(command.idempotency_key))
        return Meal.request_analysis(
            meal_id,
            user_id=context.user_id,
            actor=_actor(context),
            photo_url=check_photo_url(command.photo_url, local_environment=self._local_environment),
            dish_hint=check_text(command.dish_hint, field="dishHint", longest=MAX_HINT),
            timing=check_timing(
                meal_type=command.meal_type,
                eaten_at=at if command.eaten_at is None else command.eaten_at,
                time_zone="UTC" if command.time_zone is None else command.time_zone,
                at=at,
            ),
            fingerprint=fingerprint(meal_id, command),
        )

    async def confirm_meal_analysis(
        self, context: RequestContext, command: ConfirmMealAnalysis
    ) -> ConfirmOutcome:
        """Keep the named entries. Raises MealNotFound, InvalidState, UnknownEntry, InvalidArgument, Conflict."""
        meal, position = await self._change(
            context,
            command.meal_id,
            lambda meal: meal.confirm(command.confirmed_entry_ids, actor=_actor(context)),
        )
        return ConfirmOutcome(
            meal=meal.snapshot(),
            position=position,
            confirmed_count=len(meal.entries),
            rejected_count=len(meal.rejected_entry_ids),
        )

    async def update_meal(self, context: RequestContext, command: UpdateMeal) -> MealOutcome:
        """Change what is given. Raises MealNotFound, InvalidState, UnknownEntry, InvalidArgument, Conflict."""
        amounts = check_amounts(command.entries)
        notes = (
            UNSET if command.notes is UNSET else check_text(command.notes, field="notes", longest=MAX_NOTES)
        )

        def update(meal: Meal) -> None:
            meal.update(
                timing=self._timing_after(command, meal.timing),
                notes=meal.notes if notes is UNSET else notes,
                amounts=amounts,
                actor=_actor(context),
            )

        return _outcome(*await self._change(context, command.meal_id, update))

    def _timing_after(self, command: UpdateMeal, timing: Timing) -> Timing:
        """When the meal was eaten, after the command. The day is worked out anew only when time or zone is given."""
        meal_type = command.meal_type or timing.meal_type
        if command.eaten_at is None and command.time_zone is None:
            return structs.replace(timing, meal_type=meal_type)
        return check_timing(
            meal_type=meal_type,
            eaten_at=timing.eaten_at if command.eaten_at is None else command.eaten_at,
            time_zone=timing.time_zone if command.time_zone is None else command.time_zone,
            at=self._clock(),
        )

    async def delete_meal(self, context: RequestContext, command: DeleteMeal) -> MealOutcome:
        """Remove the meal. Raises MealNotFound, InvalidState, InvalidArgument, Conflict."""
        return _outcome(
            *await self._change(context, command.meal_id, lambda meal: meal.delete(actor=_actor(context)))
        )

    async def _change(
        self, context: RequestContext, meal_id: str, decide: Callable[[Meal], None]
    ) -> tuple[Meal, int]:
        """The user's meal after `decide`, and a position at which it is so; decided anew when the meal changed."""
        identity = parse_meal_id(meal_id)
        attempts = 0
        while True:
            attempts += 1
            meal = await self._meals.get(identity, context.deadline)
            if meal.user_id != context.user_id:
                raise MealNotFound
            decide(meal)
            if not meal.pending_events:
                return meal, await self._meals.head(context.deadline)
            try:
                return meal, await self._meals.append(meal, context.deadline)
            except Conflict:
                if attempts == _ATTEMPTS:
                    raise
                await asyncio.sleep(uniform(0, 0.005 * 2**attempts))  # noqa: S311 - it keeps rivals apart

    async def settle_stale(self, meal_id: str) -> bool:
        """Fail an analysis that a crash cut off; whether it was this call that did. See AnalysisRuns.settle_stale."""
        return await self._runs.settle_stale(parse_meal_id(meal_id))

    async def drain(self) -> None:
        """Wait until the analyses in hand have their outcome."""
        await self._runs.drain()


def _actor(context: RequestContext) -> Actor:
    return Actor(name=context.user_id, correlation_id=context.correlation_id)


def _outcome(meal: Meal, position: int) -> MealOutcome:
    return MealOutcome(meal=meal.snapshot(), position=position)
