"""Tokens for the local environment, signed with its shared secret."""

import time
from collections.abc import Sequence

import jwt

from ops.errors import OperatorError
from ops.settings import Settings

LIFETIME_SECONDS = 12 * 60 * 60


class NoTokenHere(OperatorError):
    """No token can be made here."""


def issue_token(settings: Settings, user: str, roles: Sequence[str] = ()) -> str:
    """A bearer token (HS256) for `user`, good for twelve hours, for this environment's issuer and audience.

    Raises NoTokenHere outside the local environment, and where its secret is not known.
    """
    if not settings.is_local:
        raise NoTokenHere(
            f"no local environment here (APP_ENV is {settings.app_env}), and tokens are made for one only: "
            "start `make run` first, or name its folder with DATA=..."
        )
    if not (settings.auth_jwt_secret and settings.auth_issuer and settings.auth_audience):
        raise NoTokenHere(
            "AUTH_JWT_SECRET, AUTH_ISSUER or AUTH_AUDIENCE is missing: start `make run` first, "
            "or name its folder with DATA=..."
        )
    if not user.strip():
        raise NoTokenHere("the user is empty: name one with --user")
    return sign_token(
        settings.auth_jwt_secret.get_secret_value(),
        issuer=settings.auth_issuer,
        audience=settings.auth_audience,
        user=user,
        roles=roles,
    )


def sign_token(secret: str, *, issuer: str, audience: str, user: str, roles: Sequence[str] = ()) -> str:
    """A bearer token with these claims, issued now."""
    now = int(time.time())
    claims = {
        "sub": user,
        "iss": issuer,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "roles": list(roles),
    }
    return jwt.encode(claims, secret, algorithm="HS256")
