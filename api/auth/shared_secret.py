"""Tokens signed with a secret that issuer and service share: for the local environment and tests."""

from datetime import timedelta

from api.auth.authenticator import Principal, Unauthenticated
from api.auth.claims import LONGEST_LIFE, TokenPolicy, read_header

ALGORITHM = "HS256"
MIN_SECRET_BYTES = 32
"""As long as the hash that the algorithm makes (RFC 7518, section 3.2)."""


class SharedSecretAuthenticator:
    """Accepts HS256 tokens signed with the secret. Raises ValueError for a secret under 32 bytes."""

    def __init__(
        self, secret: str | bytes, *, issuer: str, audience: str, longest_life: timedelta = LONGEST_LIFE
    ) -> None:
        self._secret = secret.encode() if isinstance(secret, str) else secret
        if len(self._secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the secret that signs tokens must have at least {MIN_SECRET_BYTES} bytes")
        self._policy = TokenPolicy(issuer=issuer, audience=audience, longest_life=longest_life)

    async def authenticate(self, token: str) -> Principal:
        if read_header(token).alg != ALGORITHM:
            raise Unauthenticated("The token is signed with an algorithm that is not accepted.")
        return self._policy.verify(token, self._secret, ALGORITHM)
