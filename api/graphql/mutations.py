"""The fields of Mutation: each gives the ledger one command and answers with its outcome, never from a read model.

An outcome is its own payload: fields are read from it by name, and those that it lacks are null. A rejected command has
nothing but its error.
"""

import math
from collections.abc import Awaitable
from typing import TypeVar

import msgspec
from ariadne import MutationType, ObjectType
from msgspec import Struct

from api.graphql.context import ResolveInfo
from ledger import (
    AnalysisOutcome,
    AnalyzeMealPhoto,
    ConfirmMealAnalysis,
    ConfirmOutcome,
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
    context = info.context
    command = _command(AnalyzeMealPhoto, arguments)
    return await _outcome_of(context.commands.analyze_meal_photo(context.actor, command, context.deadline))


@mutation.field("confirmMealAnalysis")
async def resolve_confirm_meal_analysis(
    _root: None, info: ResolveInfo, **arguments: object
) -> ConfirmOutcome | Rejection:
    context = info.context
    command = _command(ConfirmMealAnalysis, arguments)
    return await _outcome_of(context.commands.confirm_meal_analysis(context.actor, command, context.deadline))


@mutation.field("updateMeal")
async def resolve_update_meal(_root: None, info: ResolveInfo, **arguments: object) -> MealOutcome | Rejection:
    context = info.context
    command = _command(UpdateMeal, arguments)
    return await _outcome_of(context.commands.update_meal(context.actor, command, context.deadline))


@mutation.field("deleteMeal")
async def resolve_delete_meal(_root: None, info: ResolveInfo, **arguments: object) -> MealOutcome | Rejection:
    context = info.context
    command = _command(DeleteMeal, arguments)
    return await _outcome_of(context.commands.delete_meal(context.actor, command, context.deadline))


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


def _command(kind: type[_Command], arguments: dict[str, object]) -> _Command:
    """The command of that kind; its fields are named like the arguments, whose types the schema has checked."""
    return msgspec.convert(arguments, kind)


async def _outcome_of(execution: Awaitable[_Outcome]) -> _Outcome | Rejection:
    try:
        return await execution
    except LedgerError as error:
        return Rejection(error)
