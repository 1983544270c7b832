"""HTTP around the GraphQL: correlation, authentication, the endpoint, and health."""

from api.http.authentication import AuthenticationMiddleware
from api.http.correlation import CorrelationMiddleware
from api.http.endpoint import GraphQLEndpoint
from api.http.health import HEALTH_PATHS, health_routes
from api.http.request_state import state_of
from api.http.responses import graphql_response

__all__ = [
    "HEALTH_PATHS",
    "AuthenticationMiddleware",
    "CorrelationMiddleware",
    "GraphQLEndpoint",
    "graphql_response",
    "health_routes",
    "state_of",
]
