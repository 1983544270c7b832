"""What a resolver is given beside its arguments."""

from typing import TypeAlias

from graphql import GraphQLResolveInfo
from msgspec import Struct

from ledger import MealCommands, RequestContext
from projections import ReadModels


class Context(Struct, frozen=True, kw_only=True):
    """Who asks, and the two ports behind the API."""

    request: RequestContext
    commands: MealCommands
    read_models: ReadModels


ResolveInfo: TypeAlias = GraphQLResolveInfo[Context]
