"""The fields of Mutation: each gives the ledger one command and answers with its outcome, never from a read model."""

from datetime import datetime
from typing import Self

from ariadne import MutationType
from msgspec import UNSET, Struct, UnsetType

from api.graphql.context import ResolveInfo
from ledger import (
    AnalyzeMealPhoto,
    ConfirmMealAnalysis,
    DeleteMeal,
    EntryAmount,
    ErrorCode,
    LedgerError,
    MealSnapshot,
    MealStatus,
    MealType,
    UpdateMeal,
)

mutation = MutationType()


class UserError(Struct, frozen=True, kw_only=True):
    """A refusal as data: an exception among the values of a result would count as a fault."""

    code: ErrorCode
    message: str
    field: str | None

    @classmethod
    def of(cls, error: LedgerError) -> Self:
        return cls(code=error.code, message=error.message, field=error.field)


class MealPayload(Struct, frozen=True, kw_only=True):
    """What every mutation answers: the meal and where in the log it is so, or why nothing was done."""

    meal: MealSnapshot | None = None
    position: int | None = None
    user_errors: tuple[UserError, ...] = ()


class AnalysisPayload(MealPayload, frozen=True, kw_only=True):
    meal_id: str | None = None
    status: MealStatus | None = None


class ConfirmPayload(MealPayload, frozen=True, kw_only=True):
    confirmed_count: int | None = None
    rejected_count: int | None = None


@mutation.field("analyzeMealPhoto")
async def resolve_analyze_meal_photo(
    _root: None,
    info: ResolveInfo,
    *,
    photo_url: str,
    dish_hint: str | None = None,
    meal_type: MealType | None = None,
    eaten_at: datetime | None = None,
    time_zone: str | None = None,
    idempotency_key: str | None = None,
) -> AnalysisPayload:
    context = info.context
    command = AnalyzeMealPhoto(
        photo_url=photo_url,
        dish_hint=dish_hint,
        meal_type=meal_type,
        eaten_at=eaten_at,
        time_zone=time_zone,
        idempotency_key=idempotency_key,
    )
    try:
        outcome = await context.commands.analyze_meal_photo(context.request, command)
    except LedgerError as error:
        return AnalysisPayload(user_errors=(UserError.of(error),))
    return AnalysisPayload(
        meal_id=outcome.meal.id,
        status=outcome.meal.status,
        meal=outcome.meal,
        position=outcome.position,
        user_errors=() if outcome.error is None else (UserError.of(outcome.error),),
    )


@mutation.field("confirmMealAnalysis")
async def resolve_confirm_meal_analysis(
    _root: None, info: ResolveInfo, *, meal_id: str, confirmed_entry_ids: list[str]
) -> ConfirmPayload:
    context = info.context
    command = ConfirmMealAnalysis(meal_id=meal_id, confirmed_entry_ids=tuple(confirmed_entry_ids))
    try:
        outcome = await context.commands.confirm_meal_analysis(context.request, command)
    except LedgerError as error:
        return ConfirmPayload(user_errors=(UserError.of(error),))
    return ConfirmPayload(
        meal=outcome.meal,
        confirmed_count=outcome.confirmed_count,
        rejected_count=outcome.rejected_count,
        position=outcome.position,
    )


@mutation.field("updateMeal")
async def resolve_update_meal(
    _root: None,
    info: ResolveInfo,
    *,
    meal_id: str,
    meal_type: MealType | None = None,
    eaten_at: datetime | None = None,
    time_zone: str | None = None,
    notes: str | UnsetType | None = UNSET,
    entries: list[EntryAmount] | None = None,
) -> MealPayload:
    context = info.context
    command = UpdateMeal(
        meal_id=meal_id,
        meal_type=meal_type,
        eaten_at=eaten_at,
        time_zone=time_zone,
        notes=notes,
        entries=None if entries is None else tuple(entries),
    )
    try:
        outcome = await context.commands.update_meal(context.request, command)
    except LedgerError as error:
        return MealPayload(user_errors=(UserError.of(error),))
    return MealPayload(meal=outcome.meal, position=outcome.position)


@mutation.field("deleteMeal")
async def resolve_delete_meal(_root: None, info: ResolveInfo, *, meal_id: str) -> MealPayload:
    context = info.context
    try:
        outcome = await context.commands.delete_meal(context.request, DeleteMeal(meal_id=meal_id))
    except LedgerError as error:
        return MealPayload(user_errors=(UserError.of(error),))
    return MealPayload(meal=outcome.meal, position=outcome.position)
