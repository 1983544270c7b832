"""Authenticates requests: the principal of a token, or the reason for its rejection."""

from typing import Literal, Protocol

from msgspec import Struct

from api.errors import RequestErrorCode, RequestRefused, Unavailable


class Principal(Struct, frozen=True):
    """The person a token speaks for: its `sub`, and nothing else."""

    user_id: str


class Unauthenticated(RequestRefused):
    """The token is refused, or there is none; `bearer_error` is that of RFC 6750, section 3.1, None without a token.

    `reason` is for the log, where it may say more than a client that forges tokens should know.
    """

    status = 401
    code = RequestErrorCode.UNAUTHENTICATED

    def __init__(
        self,
        message: str,
        *,
        bearer_error: Literal["invalid_token", "invalid_request"] | None = "invalid_token",
        reason: str | None = None,
    ) -> None:
        self.reason = reason or message
        challenge = "Bearer" if bearer_error is None else f'Bearer error="{bearer_error}"'
        super().__init__(message, headers={"WWW-Authenticate": challenge})


class KeysUnavailable(Unavailable):
    """No token can be checked at the moment, since the issuer's keys were never fetched, or too long ago."""

    def __init__(self) -> None:
        super().__init__("Tokens cannot be verified at the moment. Please try again.")


class Authenticator(Protocol):
    """Tells who a token speaks for."""

    async def authenticate(self, token: str) -> Principal:
        """The token's person. Raises Unauthenticated, KeysUnavailable."""
        ...
