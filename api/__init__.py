"""The GraphQL API: the application, and who may use it."""

from api.app import GRAPHQL_PATH, create_app
from api.auth import (
    Authenticator,
    JwksAuthenticator,
    KeysUnavailable,
    Principal,
    SharedSecretAuthenticator,
    Unauthenticated,
)

__all__ = [
    "GRAPHQL_PATH",
    "Authenticator",
    "JwksAuthenticator",
    "KeysUnavailable",
    "Principal",
    "SharedSecretAuthenticator",
    "Unauthenticated",
    "create_app",
]
