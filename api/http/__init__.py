"""HTTP around the GraphQL: correlation, authentication, the endpoint, and health."""

from api.http.authentication import AuthenticationMiddleware
from api.http.correlation import CorrelationMiddleware
from api.http.endpoint import GraphQLEndpoint
from api.http.health import HEALTH_PATHS, Check, Health
from api.http.request_state import state_of
from api.http.responses import error_response

__all__ = [
    "HEALTH_PATHS",
    "AuthenticationMiddleware",
    "Check",
    "CorrelationMiddleware",
    "GraphQLEndpoint",
    "Health",
    "error_response",
    "state_of",
]
