"""The answers that the smoke tests expect, as types: what does not fit them is a failed check."""

from msgspec import Raw, Struct


class Health(Struct):
    status: str
    version: str


class GraphQLAnswer(Struct):
    """The envelope of every answer; `data` is decoded once there are no errors."""

    data: Raw = Raw(b"null")
    errors: Raw = Raw(b"null")

    @property
    def is_good(self) -> bool:
        return bytes(self.errors) == b"null" != bytes(self.data)


class QueryType(Struct):
    name: str


class Schema(Struct, rename="camel"):
    query_type: QueryType


class Introspection(Struct, rename={"schema": "__schema"}):
    schema: Schema


class UserError(Struct):
    code: str
    message: str


class Entry(Struct):
    id: str


class ProposedMeal(Struct, rename="camel"):
    local_date: str
    entries: list[Entry]


class Analysis(Struct, rename="camel"):
    user_errors: list[UserError]
    status: str | None = None
    position: str | None = None
    meal_id: str | None = None
    meal: ProposedMeal | None = None


class AnalyzeMealPhoto(Struct, rename="camel"):
    analyze_meal_photo: Analysis


class MealState(Struct):
    id: str
    status: str


class Confirmation(Struct, rename="camel"):
    user_errors: list[UserError]
    position: str | None = None
    meal: MealState | None = None
    confirmed_count: int | None = None
    rejected_count: int | None = None


class ConfirmMealAnalysis(Struct, rename="camel"):
    confirm_meal_analysis: Confirmation


class Summary(Struct, rename="camel"):
    meal_count: int


class DailySummary(Struct, rename="camel"):
    daily_summary: Summary


class Meal(Struct):
    meal: MealState | None = None
