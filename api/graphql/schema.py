"""The executable schema: schema.graphql with its scalars, enums and resolvers bound."""

from functools import cache
from importlib.resources import files

from ariadne import EnumType, make_executable_schema
from ariadne.utils import convert_camel_case_to_snake
from graphql import GraphQLSchema

from api.graphql.mutations import mutation, payloads
from api.graphql.queries import meal_type, query
from api.graphql.scalars import SCALARS
from ledger import (
    OPTIONAL_NUTRIENTS,
    CarbohydrateBasis,
    ErrorCode,
    FoodState,
    MealSource,
    MealStatus,
    MealType,
    NutrientSource,
    WarningCode,
)

_ENUMS = [
    EnumType(enum.__name__, enum)
    for enum in (
        CarbohydrateBasis,
        ErrorCode,
        FoodState,
        MealSource,
        MealStatus,
        MealType,
        NutrientSource,
        WarningCode,
    )
]
_ENUMS.append(EnumType("OptionalNutrient", {name.upper(): name for name in OPTIONAL_NUTRIENTS}))

# Names that mean something else in Python, or less than they should.
_ARGUMENTS: dict[tuple[str, ...], str] = {
    ("Query", "meal", "id"): "meal_id",
    ("Query", "mealHistory", "from"): "from_date",
    ("Query", "mealHistory", "to"): "to_date",
    ("Query", "dailySummary", "date"): "day",
    ("Nutrients", "vitaminB12"): "vitamin_b12",
}


@cache
def executable_schema() -> GraphQLSchema:
    """The schema, made once. Raises at the first call if a resolver or an enum does not fit schema.graphql."""
    return make_executable_schema(
        files("api").joinpath("schema.graphql").read_text(encoding="utf-8"),
        query,
        mutation,
        meal_type,
        *payloads,
        *SCALARS,
        *_ENUMS,
        convert_names_case=_python_name,
    )


def _python_name(name: str, _schema: GraphQLSchema, path: tuple[str, ...]) -> str:
    return _ARGUMENTS.get(path) or convert_camel_case_to_snake(name)
