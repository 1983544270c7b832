"""What a resolver is given beside its arguments."""

from typing import TypeAlias

from graphql import GraphQLResolveInfo
from msgspec import Struct

from ledger import Actor, Deadline, MealCommands
from projections import ReadModels


class Context(Struct, frozen=True, kw_only=True):
    """Who asks, until when an answer is of use, and the two ports behind the API."""

    actor: Actor
    deadline: Deadline
    commands: MealCommands
    read_models: ReadModels


ResolveInfo: TypeAlias = GraphQLResolveInfo[Context]
