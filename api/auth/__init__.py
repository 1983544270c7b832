"""Who asks: bearer tokens, checked against a shared secret or an issuer's published keys."""

from api.auth.authenticator import Authenticator, KeysUnavailable, Principal, Unauthenticated
from api.auth.jwks import JwksAuthenticator
from api.auth.shared_secret import SharedSecretAuthenticator

__all__ = [
    "Authenticator",
    "JwksAuthenticator",
    "KeysUnavailable",
    "Principal",
    "SharedSecretAuthenticator",
    "Unauthenticated",
]
