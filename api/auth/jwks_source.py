"""The issuer's keys, fetched from its JWKS address without ever blocking the event loop, and kept."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx
import structlog

from api.auth.authenticator import KeysUnavailable
from api.auth.key_set import InvalidKeySet, SigningKey, parse_key_set

MAX_BYTES = 256 * 1024
FETCH_TIMEOUT_SECONDS = 5.0
TTL_SECONDS = 300.0
"""Keys older than this are fetched again."""
COOLDOWN_SECONDS = 30.0
"""The least time between two fetches, whatever tokens ask for."""
COLD_COOLDOWN_SECONDS = 1.0
"""The same while there are no keys at all."""
STALE_WAIT_SECONDS = 1.0
"""How long a request waits for newer keys before it is served with stale ones."""
MAX_STALE_SECONDS = 24 * 3600.0
"""How old keys may get in an outage of the issuer; a key that was withdrawn must not be accepted for ever."""

_log = structlog.get_logger(__name__)


class JwksSource:
    """Signing keys by id. One fetch at a time, however many ask; stale keys serve through an outage."""

    def __init__(
        self, url: str, client: httpx.AsyncClient, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> SigningKey | None:
        """The key of that id; None when the issuer has none. Raises KeysUnavailable."""
        if self._age() >= TTL_SECONDS:
            await self._refresh(patience=STALE_WAIT_SECONDS if self._keys else None)
        if kid not in self._keys:
            await self._refresh(patience=None)
        if self._age() > MAX_STALE_SECONDS:
            raise KeysUnavailable
        return self._keys.get(kid)

    async def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    async def _refresh(self, *, patience: float | None) -> None:
        """Join the fetch under way, or start one unless the last was a moment ago; wait `patience` seconds at most."""
        if self._fetching is None:
            if self._cooling_down():
                return
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        # The fetch belongs to all who wait: one of them going away must not end it.
        await asyncio.wait([self._fetching], timeout=patience)

    def _cooling_down(self) -> bool:
        cooldown = COOLDOWN_SECONDS if self._keys else COLD_COOLDOWN_SECONDS
        return self._tried_at is not None and self._clock() - self._tried_at < cooldown

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                self._keys = parse_key_set(await self._download())
            self._fetched_at = self._clock()
        except (httpx.HTTPError, InvalidKeySet, TimeoutError) as error:
            _log.warning("jwks_fetch_failed", error_type=type(error).__name__, reason=str(error))
        except Exception as error:  # noqa: BLE001 - those who wait are told by the keys that are, or are not, there
            _log.error("jwks_fetch_crashed", error_type=type(error).__name__, exc_info=error)
        finally:
            self._fetching = None

    async def _download(self) -> bytes:
        body = bytearray()
        async with self._client.stream("GET", self._url, headers={"Accept": "application/json"}) as response:
            if response.status_code != 200:
                raise InvalidKeySet(f"answered with status {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise InvalidKeySet(f"over {MAX_BYTES} bytes")
        return bytes(body)
