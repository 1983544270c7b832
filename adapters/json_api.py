"""One JSON call to a food database: over HTTP, guarded, its failures as the ledger's errors."""

import re
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeVar

import httpx
import msgspec
import structlog

from adapters.resilience import Resilience
from adapters.retry_after import retry_after_seconds
from adapters.service_errors import MalformedAnswer, Misconfigured, TimedOut
from ledger import RateLimited, ServiceUnavailable

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_ERROR_CODE = re.compile(rb'"code"\s*:\s*"([A-Z][A-Z0-9_]{1,40})"')


class JsonApi:
    """Owns the HTTP client of one service. `headers` go with every request; they may hold the key."""

    def __init__(self, resilience: Resilience, headers: Mapping[str, str]) -> None:
        self._resilience = resilience
        self._service = resilience.service
        self._client = httpx.AsyncClient(
            headers={"Accept": "application/json", **headers}, timeout=resilience.attempt_timeout
        )

    async def get(self, url: str, params: Sequence[tuple[str, str]], answer: type[T]) -> T | None:
        """The answer as an `answer`, or None where the service has nothing there.

        That is a 404 without an error code; one with a code says that the address is wrong.
        Raises RateLimited, ServiceUnavailable.
        """
        return await self._call(self._client.build_request("GET", url, params=list(params)), answer)

    async def post(self, url: str, body: Mapping[str, object], answer: type[T]) -> T | None:
        """As `get`, with a JSON body."""
        return await self._call(self._client.build_request("POST", url, json=dict(body)), answer)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _call(self, request: httpx.Request, answer: type[T]) -> T | None:
        return await self._resilience.call(lambda: self._attempt(request, answer))

    async def _attempt(self, request: httpx.Request, answer: type[T]) -> T | None:
        failure: ServiceUnavailable
        try:
            response = await self._client.send(request)
        except httpx.TimeoutException:
            failure = TimedOut(f"{self._service} did not answer in time.")
        except httpx.DecodingError:
            failure = MalformedAnswer(f"{self._service} gave an answer that cannot be read.")
        except httpx.TransportError:
            failure = ServiceUnavailable(f"{self._service} cannot be reached.")
        else:
            return self._read(response, answer)
        raise failure  # outside the handlers: their errors hold the request, and with it the key

    def _read(self, response: httpx.Response, answer: type[T]) -> T | None:
        if response.status_code == httpx.codes.NOT_FOUND and not _ERROR_CODE.search(response.content):
            return None
        if response.status_code != httpx.codes.OK:
            self._refuse(response)
        try:
            return msgspec.json.decode(response.content, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            failure = MalformedAnswer(f"{self._service} gave an answer that cannot be read.")
        raise failure

    def _refuse(self, response: httpx.Response) -> NoReturn:
        status = response.status_code
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise RateLimited(
                f"{self._service} is over its limit of requests; try again later.",
                retry_after=retry_after_seconds(response.headers),
            )
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
            raise ServiceUnavailable(f"{self._service} is not available at the moment; try again later.")
        named = _ERROR_CODE.search(response.content)
        _log.error(
            "service_misconfigured",
            service=self._service,
            status=status,
            reason=named[1].decode() if named else None,
        )
        raise Misconfigured(f"{self._service} cannot be used at the moment.")
