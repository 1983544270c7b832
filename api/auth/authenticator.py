"""What the API needs to know of tokens: who a token speaks for, or why it speaks for nobody."""

from typing import Literal, Protocol

from msgspec import Struct


class Principal(Struct, frozen=True):
    """The person a token speaks for: its `sub`, and nothing else."""

    user_id: str


class Unauthenticated(Exception):
    """The token is refused. `message` is safe to show; `code` is that of RFC 6750, section 3.1."""

    def __init__(
        self, message: str, *, code: Literal["invalid_token", "invalid_request"] = "invalid_token"
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class KeysUnavailable(Exception):
    """No token can be checked at the moment, since the issuer's keys were never fetched, or too long ago."""


class Authenticator(Protocol):
    """Tells who a token speaks for."""

    async def authenticate(self, token: str) -> Principal:
        """The token's person. Raises Unauthenticated, KeysUnavailable."""
        ...
