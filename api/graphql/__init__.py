"""GraphQL without HTTP: the schema with its resolvers, and documents prepared within limits and executed."""

from api.graphql.context import Context
from api.graphql.document_cache import DocumentCache, Prepared
from api.graphql.execution import Executed, execute
from api.graphql.large_answers import LARGE_COST, LargeAnswers
from api.graphql.schema import executable_schema

__all__ = [
    "LARGE_COST",
    "Context",
    "DocumentCache",
    "Executed",
    "LargeAnswers",
    "Prepared",
    "executable_schema",
    "execute",
]
