"""The command handlers: validate, load, decide, append, and return the aggregate just appended."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from random import uniform

from msgspec import UNSET, structs

from ledger.analysis_limits import AnalysisLimits
from ledger.analysis_run import AnalysisRuns
from ledger.commands import (
    AnalysisOutcome,
    AnalyzeMealPhoto,
    ConfirmMealAnalysis,
    ConfirmOutcome,
    DeleteMeal,
    MealOutcome,
    UpdateMeal,
)
from ledger.deadline import NO_DEADLINE, Deadline
from ledger.errors import Conflict, IdempotencyConflict, LedgerError, MealNotFound, RateLimited
from ledger.idempotency import fingerprint, former_fingerprint, meal_id_for
from ledger.local_day import now
from ledger.meal import Meal
from ledger.photo_url import check_photo_url
from ledger.repository import MealRepository
from ledger.time_zones import zone_of
from ledger.validation import (
    MAX_HINT,
    MAX_NOTES,
    check_amounts,
    check_idempotency_key,
    check_text,
    check_timing,
    parse_meal_id,
)
from ledger.values import Actor, Timing

_ATTEMPTS = 8
"""How many times a command is decided when concurrent appends change the meal."""


class CommandHandlers:
    """Implements `MealCommands`."""

    def __init__(
        self,
        meals: MealRepository,
        runs: AnalysisRuns,
        *,
        limits: AnalysisLimits,
        id_secret: bytes,
        local_environment: bool,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._meals = meals
        self._runs = runs
        self._limits = limits
        self._id_secret = id_secret
        self._local_environment = local_environment
        self._clock = clock

    async def analyze_meal_photo(
        self, actor: Actor, command: AnalyzeMealPhoto, deadline: Deadline = NO_DEADLINE
    ) -> AnalysisOutcome:
        """Append the request, analyse, append the outcome. A duplicate request returns the outcome of the first.

        Raises InvalidArgument, IdempotencyConflict, RateLimited for a person's own limits, and ServiceUnavailable when
        the event store cannot be reached. A duplicate counts against no limit.
        """
        meal = self._requested(actor, command)
        try:
            admission = self._limits.admit(actor.user_id)
        except RateLimited as limited:
            if command.idempotency_key is None:
                raise
            return await self._duplicate(meal, command, deadline, otherwise=limited)
        try:
            await self._meals.append(meal, deadline)
        except Conflict as conflict:
            self._limits.withdraw(admission)
            return await self._duplicate(meal, command, deadline, otherwise=conflict)
        except BaseException:
            self._limits.withdraw(admission)
            raise
        return await self._runs.run(meal, actor, deadline, on_end=lambda: self._limits.end(admission))

    async def _duplicate(
        self, meal: Meal, command: AnalyzeMealPhoto, deadline: Deadline, *, otherwise: LedgerError
    ) -> AnalysisOutcome:
        """The outcome of the same request, sent before; raises `otherwise` where there was none."""
        try:
            first = await self._meals.get(meal.id, deadline)
        except MealNotFound:
            raise otherwise from None
        if first.fingerprint not in {meal.fingerprint, former_fingerprint(meal.id, command)}:
            raise IdempotencyConflict(
                "This idempotency key was used for a different request.", field="idempotencyKey"
            )
        return await self._runs.outcome_of(first, deadline)

    def _requested(self, actor: Actor, command: AnalyzeMealPhoto) -> Meal:
        at = self._clock()
        eaten_at = at if command.eaten_at is None else command.eaten_at
        meal_id = meal_id_for(actor.user_id, check_idempotency_key(command.idempotency_key), self._id_secret)
        return Meal.request_analysis(
            meal_id,
            actor=actor,
            photo_url=check_photo_url(command.photo_url, local_environment=self._local_environment),
            dish_hint=check_text(command.dish_hint, field="dishHint", longest=MAX_HINT),
            timing=check_timing(
                meal_type=command.meal_type,
                eaten_at=eaten_at,
                time_zone=zone_of(eaten_at, "UTC") if command.time_zone is None else command.time_zone,
                at=at,
            ),
            fingerprint=fingerprint(meal_id, command),
        )

    async def confirm_meal_analysis(
        self, actor: Actor, command: ConfirmMealAnalysis, deadline: Deadline = NO_DEADLINE
    ) -> ConfirmOutcome:
        """Keep the given entries. Raises MealNotFound, InvalidState, UnknownEntry, InvalidArgument, Conflict."""
        meal, position = await self._change(
            actor,
            command.meal_id,
            lambda meal: meal.confirm(command.confirmed_entry_ids, actor=actor),
            deadline,
        )
        return ConfirmOutcome(
            meal=meal.snapshot(),
            position=position,
            confirmed_count=len(meal.entries),
            rejected_count=len(meal.rejected_entry_ids),
        )

    async def update_meal(
        self, actor: Actor, command: UpdateMeal, deadline: Deadline = NO_DEADLINE
    ) -> MealOutcome:
        """Change the given fields. Raises MealNotFound, InvalidState, UnknownEntry, InvalidArgument, Conflict."""
        amounts = check_amounts(command.entries)
        notes = (
            UNSET if command.notes is UNSET else check_text(command.notes, field="notes", longest=MAX_NOTES)
        )

        def update(meal: Meal) -> None:
            meal.update(
                timing=self._timing_after(command, meal.timing),
                notes=meal.notes if notes is UNSET else notes,
                amounts=amounts,
                actor=actor,
            )

        return _outcome(*await self._change(actor, command.meal_id, update, deadline))

    def _timing_after(self, command: UpdateMeal, timing: Timing) -> Timing:
        """The meal's timing after the command. The local date is computed again only when time or zone is given."""
        meal_type = command.meal_type or timing.meal_type
        if command.eaten_at is None and command.time_zone is None:
            return structs.replace(timing, meal_type=meal_type)
        eaten_at = timing.eaten_at if command.eaten_at is None else command.eaten_at
        return check_timing(
            meal_type=meal_type,
            eaten_at=eaten_at,
            time_zone=zone_of(eaten_at, timing.time_zone) if command.time_zone is None else command.time_zone,
            at=self._clock(),
        )

    async def delete_meal(
        self, actor: Actor, command: DeleteMeal, deadline: Deadline = NO_DEADLINE
    ) -> MealOutcome:
        """Remove the meal; again, the same outcome. Raises MealNotFound, InvalidState, InvalidArgument, Conflict."""
        return _outcome(
            *await self._change(actor, command.meal_id, lambda meal: meal.delete(actor=actor), deadline)
        )

    async def _change(
        self, actor: Actor, meal_id: str, decide: Callable[[Meal], None], deadline: Deadline
    ) -> tuple[Meal, int]:
        """The actor's meal after `decide`, and a position of the log that includes it. A conflict is retried."""
        identity = parse_meal_id(meal_id)
        attempts = 0
        while True:
            attempts += 1
            meal = await self._meals.get_own(identity, actor.user_id, deadline)
            decide(meal)
            if not meal.pending_events:
                return meal, await self._meals.last_position(deadline)
            try:
                return meal, await self._meals.append(meal, deadline)
            except Conflict:
                if attempts == _ATTEMPTS:
                    raise
                await asyncio.sleep(uniform(0, 0.005 * 2**attempts))  # noqa: S311 - it spreads the retries


def _outcome(meal: Meal, position: int) -> MealOutcome:
    return MealOutcome(meal=meal.snapshot(), position=position)
