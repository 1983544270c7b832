"""The GraphQL API: the application, and who may use it."""

from api.app import GRAPHQL_PATH, WebClients, create_app
from api.auth import (
    Authenticator,
    JwksAuthenticator,
    KeysUnavailable,
    Principal,
    SharedSecretAuthenticator,
    Unauthenticated,
)
from api.http import Check

__all__ = [
    "GRAPHQL_PATH",
    "Authenticator",
    "Check",
    "JwksAuthenticator",
    "KeysUnavailable",
    "Principal",
    "SharedSecretAuthenticator",
    "Unauthenticated",
    "WebClients",
    "create_app",
]
