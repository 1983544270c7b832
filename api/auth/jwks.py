"""Tokens signed by an issuer that publishes its keys."""

import ipaddress
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx

from api.auth.authenticator import Principal, Unauthenticated
from api.auth.claims import LONGEST_LIFE, TokenPolicy, read_header
from api.auth.jwks_source import FETCH_TIMEOUT_SECONDS, JwksSource

ALGORITHMS = frozenset({"RS256", "ES256"})
MAX_KID_LENGTH = 256


class JwksAuthenticator:
    """Accepts RS256 and ES256 tokens signed with a key from the issuer's JWKS address.

    The address must be https; with `allow_loopback_http`, for the local environment, http to this machine will do.
    Raises ValueError for another one. Without a `client` it makes its own and closes it in `aclose`.
    """

    def __init__(
        self,
        jwks_url: str,
        *,
        issuer: str,
        audience: str,
        longest_life: timedelta = LONGEST_LIFE,
        allow_loopback_http: bool = False,
        client: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_url(jwks_url, allow_loopback_http=allow_loopback_http)
        self._opened = AsyncExitStack()
        if client is None:
            client = httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS)
            self._opened.push_async_callback(client.aclose)
        self._keys = JwksSource(jwks_url, client, clock=clock)
        self._policy = TokenPolicy(issuer=issuer, audience=audience, longest_life=longest_life)

    async def authenticate(self, token: str) -> Principal:
        header = read_header(token)
        if header.alg not in ALGORITHMS:
            raise Unauthenticated("The token is signed with an algorithm that is not accepted.")
        if not header.kid or len(header.kid) > MAX_KID_LENGTH:
            raise Unauthenticated("The token has no valid key id.")
        key = await self._keys.key((header.kid, header.alg))
        if key is None:
            raise Unauthenticated("The token is signed with an unknown key.")
        return self._policy.verify(token, key.key, key.algorithm)

    async def keep_fresh(self) -> None:
        """Fetch the issuer's keys beside the requests, until cancelled."""
        await self._keys.keep_fresh()

    def problem(self) -> str | None:
        """What keeps tokens from being checked, for the operator; None: nothing."""
        return self._keys.problem()

    async def aclose(self) -> None:
        """End a fetch that is under way, and close what was opened here."""
        await self._keys.close()
        await self._opened.aclose()


def _check_url(url: str, *, allow_loopback_http: bool) -> None:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError("the JWKS address is not a URL") from error
    if parts.scheme == "https" and parts.host:
        return
    if not (allow_loopback_http and parts.scheme == "http" and _is_loopback(parts.host)):
        raise ValueError("the JWKS address must be https")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
