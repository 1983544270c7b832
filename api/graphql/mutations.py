"""The fields of Mutation: each gives the ledger one command and answers with its outcome, never from a read model.

An outcome is its own payload: fields are read from it by name, and those that it lacks are null. A rejected command has
nothing but its error.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import TypeVar

import msgspec
from ariadne import MutationType, ObjectType
from msgspec import Struct

from api.graphql.command_log import log_outcome, log_rejection
from api.graphql.context import ResolveInfo
from ledger import (
    Actor,
    AnalysisOutcome,
    AnalyzeMealPhoto,
    ConfirmMealAnalysis,
    ConfirmOutcome,
    Deadline,
    DeleteMeal,
    ErrorCode,
    LedgerError,
    MealOutcome,
    MealStatus,
    UpdateMeal,
)

_Command = TypeVar("_Command")
_Outcome = TypeVar("_Outcome", bound=MealOutcome)

mutation = MutationType()
analysis_payload = ObjectType("MealAnalysisPayload")
payloads = [
    analysis_payload,
    ObjectType("ConfirmMealPayload"),
    ObjectType("UpdateMealPayload"),
    ObjectType("DeleteMealPayload"),
]


class Rejection(Struct, frozen=True):
    """The payload of a command that was rejected."""

    error: LedgerError


class UserError(Struct, frozen=True, kw_only=True):
    """An error as data: an exception among the values of a result would count as a fault."""

    code: ErrorCode
    message: str
    field: str | None
    retry_after_seconds: int | None


@mutation.field("analyzeMealPhoto")
async def resolve_analyze_meal_photo(
    _root: None, info: ResolveInfo, **arguments: object
) -> AnalysisOutcome | Rejection:
    return await _answer(info, info.context.commands.analyze_meal_photo, AnalyzeMealPhoto, arguments)


@mutation.field("confirmMealAnalysis")
async def resolve_confirm_meal_analysis(
    _root: None, info: ResolveInfo, **arguments: object
) -> ConfirmOutcome | Rejection:
    return await _answer(info, info.context.commands.confirm_meal_analysis, ConfirmMealAnalysis, arguments)


@mutation.field("updateMeal")
async def resolve_update_meal(_root: None, info: ResolveInfo, **arguments: object) -> MealOutcome | Rejection:
    return await _answer(info, info.context.commands.update_meal, UpdateMeal, arguments)


@mutation.field("deleteMeal")
async def resolve_delete_meal(_root: None, info: ResolveInfo, **arguments: object) -> MealOutcome | Rejection:
    return await _answer(info, info.context.commands.delete_meal, DeleteMeal, arguments)


@analysis_payload.field("mealId")
def resolve_meal_id(payload: AnalysisOutcome | Rejection, _info: ResolveInfo) -> str | None:
    return None if isinstance(payload, Rejection) else payload.meal.id


@analysis_payload.field("status")
def resolve_status(payload: AnalysisOutcome | Rejection, _info: ResolveInfo) -> MealStatus | None:
    return None if isinstance(payload, Rejection) else payload.meal.status


def resolve_user_errors(payload: MealOutcome | Rejection, _info: ResolveInfo) -> list[UserError]:
    error = payload.error if isinstance(payload, AnalysisOutcome | Rejection) else None
    return [] if error is None else [_user_error(error)]


def _user_error(error: LedgerError) -> UserError:
    wait = error.retry_after
    return UserError(
        code=error.code,
        message=error.message,
        field=error.field,
        retry_after_seconds=None if wait is None else math.ceil(wait),
    )


for _payload in payloads:
    _payload.set_field("userErrors", resolve_user_errors)


async def _answer(
    info: ResolveInfo,
    handle: Callable[[Actor, _Command, Deadline], Awaitable[_Outcome]],
    kind: type[_Command],
    arguments: Mapping[str, object],
) -> _Outcome | Rejection:
    """The outcome of the command or its rejection, either with its line in the log.

    The fields of the command are named like the arguments, whose types the schema has checked.
    """
    context, started = info.context, perf_counter()
    command = msgspec.convert(arguments, kind)
    try:
        outcome = await handle(context.actor, command, context.deadline)
    except LedgerError as error:
        seconds = perf_counter() - started
        log_rejection(info.field_name, error, meal_id=arguments.get("meal_id"), seconds=seconds)
        return Rejection(error)
    log_outcome(info.field_name, outcome, seconds=perf_counter() - started)
    return outcome
