"""The issuer's keys, fetched from its JWKS address beside the requests, and kept."""

import asyncio
import time
from collections.abc import Callable, Mapping

import httpx
import structlog

from api.auth.authenticator import KeysUnavailable
from api.auth.key_set import InvalidKeySet, KeyName, SigningKey, parse_key_set

MAX_BYTES = 256 * 1024
FETCH_TIMEOUT_SECONDS = 5.0
REFRESH_SECONDS = 300.0
"""How often the keys are fetched: a key that the issuer withdrew is accepted no longer than this."""
RETRY_SECONDS = 5.0
"""The same after a fetch that failed."""
COOLDOWN_SECONDS = 2.0
"""The least time between two fetches, whatever tokens ask for."""
ABSENT_SECONDS = 5.0
"""How long the issuer is not asked again for a key that it did not have."""
WAIT_SECONDS = 3.0
"""How long a request waits for a key that is not in hand."""
MOST_WAITING = 50
MOST_ABSENT = 1000
MAX_STALE_SECONDS = 24 * 3600.0
"""How old keys may get in an outage of the issuer; a key that was withdrawn must not be accepted for ever."""

_log = structlog.get_logger(__name__)


class JwksSource:
    """Signing keys by id and algorithm.

    `keep_fresh` fetches them beside the requests, so that none waits whose key is in hand. Another one waits for a
    fetch that begins after it, together with all others: one fetch at a time, and not more often than COOLDOWN_SECONDS.
    A key that a fetch did not find stays unknown for some seconds without another one, so that strangers cost little.
    """

    def __init__(
        self, url: str, client: httpx.AsyncClient, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._keys: Mapping[KeyName, SigningKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None
        self._absent: dict[KeyName, float] = {}
        self._waiting = 0

    async def key(self, name: KeyName) -> SigningKey | None:
        """The key of that id and algorithm; None if the issuer has none. Raises KeysUnavailable if that is unknown."""
        if self._age() > MAX_STALE_SECONDS:
            self._keys = {}
        if (key := self._keys.get(name)) is not None:
            if self._age() >= REFRESH_SECONDS and not self._has_failed_lately():
                self._begin_fetch()
            return key
        if any(kid == name[0] for kid, _ in self._keys):
            return None  # keys of one id are published together
        if self._clock() - self._absent.get(name, float("-inf")) < ABSENT_SECONDS:
            return None
        if self._waiting >= MOST_WAITING or self._has_failed_lately():
            raise KeysUnavailable
        await self._wait_for(name)
        if self._failed:
            raise KeysUnavailable
        if name not in self._keys:
            self._note_absent(name)
        return self._keys.get(name)

    async def keep_fresh(self) -> None:
        """Fetch the keys now, and again and again until cancelled."""
        while True:
            await self._join_fetch()
            await asyncio.sleep(RETRY_SECONDS if self._failed else REFRESH_SECONDS)

    def problem(self) -> str | None:
        """What keeps tokens from being checked, for the operator; None while there are keys that may be used."""
        if self._fetched_at is None:
            return "no key of the issuer has been fetched yet: look at AUTH_JWKS_URL"
        if self._age() > MAX_STALE_SECONDS:
            return "the issuer's keys could not be fetched for a day"
        return None if self._keys else "the issuer publishes no key that can be used"

    async def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    def _note_absent(self, name: KeyName) -> None:
        if len(self._absent) >= MOST_ABSENT:
            self._absent.clear()
        self._absent[name] = self._clock()

    def _has_failed_lately(self) -> bool:
        tried_at = float("-inf") if self._tried_at is None else self._tried_at
        return self._failed and self._fetching is None and self._clock() - tried_at < RETRY_SECONDS

    async def _wait_for(self, name: KeyName) -> None:
        """Wait until the key is there, a fetch that begins after this call has ended, or one has failed."""
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._fetch_until_known(name, self._clock())
        except TimeoutError:
            raise KeysUnavailable from None
        finally:
            self._waiting -= 1

    async def _fetch_until_known(self, name: KeyName, asked_at: float) -> None:
        while name not in self._keys:
            if self._fetching is None and self._tried_at is not None:
                if self._tried_at >= asked_at:
                    return
                await asyncio.sleep(self._tried_at + COOLDOWN_SECONDS - self._clock())
            await self._join_fetch()
            if self._failed:
                return

    async def _join_fetch(self) -> None:
        # The fetch belongs to all who wait: one of them going away must not end it.
        await asyncio.wait([self._begin_fetch()])

    def _begin_fetch(self) -> asyncio.Task[None]:
        """The fetch under way, else a new one."""
        if self._fetching is None:
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        self._failed = True
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                keys = parse_key_set(await self._download())
            if not keys:
                _log.error(
                    "jwks_without_keys", meaning="no token can be accepted until the issuer publishes a key"
                )
            self._keys, self._fetched_at, self._failed = keys, self._clock(), False
        except (httpx.HTTPError, InvalidKeySet, TimeoutError) as error:
            _log.warning("jwks_fetch_failed", error_type=type(error).__name__, reason=str(error))
        except Exception as error:  # noqa: BLE001 - those who wait are told by the keys that are, or are not, there
            _log.error("jwks_fetch_crashed", error_type=type(error).__name__, exc_info=error)
        finally:
            self._fetching = None

    async def _download(self) -> bytes:
        body = bytearray()
        # Not compressed: a small answer could be unpacked to more than the cap in one step.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream("GET", self._url, headers=headers) as response:
            if response.status_code != 200:
                raise InvalidKeySet(f"answered with status {response.status_code}")
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise InvalidKeySet("answered compressed, which was not asked for")
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise InvalidKeySet(f"over {MAX_BYTES} bytes")
        return bytes(body)
