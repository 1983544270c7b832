"""GraphQL without HTTP: the schema with its resolvers, and documents prepared within limits and executed."""

from api.graphql.context import Context
from api.graphql.document_cache import DocumentCache
from api.graphql.execution import Executed, execute
from api.graphql.schema import executable_schema

__all__ = ["Context", "DocumentCache", "Executed", "executable_schema", "execute"]
