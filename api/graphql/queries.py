"""The fields of Query: each answers from a read model, and from nothing else."""

from datetime import date
from uuid import UUID

from ariadne import ObjectType, QueryType
from msgspec import Struct

from api.errors import InvalidInput
from api.graphql.context import ResolveInfo
from api.graphql.opaque_tokens import decode_cursor, encode_cursor
from api.graphql.query_complexity import DEFAULT_PAGE
from ledger import ErrorCode, MealSnapshot, MealStatus, MealType
from projections import MAX_PAGE, DailySummary, HistoryCursor, HistoryQuery

query = QueryType()
meal_type = ObjectType("Meal")


class MealEdge(Struct, frozen=True):
    cursor: str
    node: MealSnapshot


class PageInfo(Struct, frozen=True, kw_only=True):
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


class MealConnection(Struct, frozen=True, kw_only=True):
    edges: list[MealEdge]
    page_info: PageInfo


class MealFailure(Struct, frozen=True, kw_only=True):
    code: ErrorCode
    message: str


@query.field("meal")
async def resolve_meal(
    _root: None, info: ResolveInfo, *, meal_id: str, min_position: int | None = None
) -> MealSnapshot | None:
    context = info.context
    try:
        canonical = str(UUID(meal_id))
    except ValueError:
        raise InvalidInput("mealId must be a UUID.") from None
    return await context.read_models.meal(context.actor.user_id, canonical, min_position=min_position)


@query.field("mealHistory")
async def resolve_meal_history(
    _root: None,
    info: ResolveInfo,
    *,
    first: int | None = None,
    after: str | None = None,
    from_date: date | None = None,
    to_date: date | None = None,
    meal_type: MealType | None = None,
    status: MealStatus | None = None,
    min_position: int | None = None,
) -> MealConnection:
    context = info.context
    first = DEFAULT_PAGE if first is None else first
    if not 1 <= first <= MAX_PAGE:
        raise InvalidInput(f"`first` must be from 1 to {MAX_PAGE}.")
    if from_date is not None and to_date is not None and from_date > to_date:
        raise InvalidInput("`from` must not be after `to`.")
    asked = HistoryQuery(
        first=first,
        after=_parse_cursor(after),
        from_date=from_date,
        to_date=to_date,
        meal_type=meal_type,
        status=status,
    )
    page = await context.read_models.meal_history(context.actor.user_id, asked, min_position=min_position)
    return _connection(page.meals, has_next_page=page.has_next_page)


@query.field("dailySummary")
async def resolve_daily_summary(
    _root: None, info: ResolveInfo, *, day: date, min_position: int | None = None
) -> DailySummary:
    context = info.context
    return await context.read_models.daily_summary(context.actor.user_id, day, min_position=min_position)


@meal_type.field("failure")
def resolve_failure(meal: MealSnapshot, _info: ResolveInfo) -> MealFailure | None:
    if meal.failure_code is None or meal.failure_message is None:
        return None
    return MealFailure(code=meal.failure_code, message=meal.failure_message)


def _parse_cursor(after: str | None) -> HistoryCursor | None:
    try:
        return None if after is None else decode_cursor(after)
    except ValueError:
        raise InvalidInput("`after` must be a cursor returned by an earlier page, unchanged.") from None


def _connection(meals: tuple[MealSnapshot, ...], *, has_next_page: bool) -> MealConnection:
    edges = [
        MealEdge(encode_cursor(HistoryCursor(eaten_at=meal.eaten_at, meal_id=meal.id)), meal)
        for meal in meals
    ]
    return MealConnection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=has_next_page,
            has_previous_page=False,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )
