"""The one layer that bounds, retries and guards calls to an outside service: retry → breaker → time-out → call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina
import structlog

from adapters.circuit_breaker import CircuitBreaker
from adapters.service_errors import MalformedAnswer, is_worth_a_retry
from ledger import LedgerError, RateLimited, ServiceUnavailable

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class Resilience:
    """Runs the calls to one service. All times are in seconds.

    A call has at most `attempts` attempts of at most `attempt_timeout` each, and no attempt starts later than
    `budget` after the call began. What the service says in Retry-After is waited for when it fits into the budget;
    when it does not, RateLimited is raised at once, so that the person can be told. Else waits double from
    `wait_initial` to `wait_max`, with jitter. The caller's own deadline may cut everything at any moment.
    """

    def __init__(
        self,
        service: str,
        *,
        attempts: int,
        attempt_timeout: float,
        budget: float,
        breaker: CircuitBreaker,
        wait_initial: float = 0.2,
        wait_max: float = 3.0,
    ) -> None:
        self.service = service
        self.attempt_timeout = attempt_timeout
        self._attempts = attempts
        self._budget = budget
        self._breaker = breaker
        self._wait_initial = wait_initial
        self._wait_max = wait_max

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` returns. It must be safe to run again, and raise the ledger's errors and no others.

        Raises what the last attempt raised, ServiceUnavailable after its time-out, CircuitOpen.
        """
        async for trial in stamina.retry_context(
            on=_Retries(self.service, self._budget, self._wait_initial),
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._wait_initial,
            wait_jitter=self._wait_initial,
            wait_max=self._wait_max,
        ):
            with trial:
                return await self._breaker.call(lambda: self._bounded(attempt))
        raise AssertionError("the retry layer ends with a result or an error")

    async def _bounded(self, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self.attempt_timeout):
                return await attempt()
        except TimeoutError:
            late = ServiceUnavailable(f"{self.service} did not answer in time.")
        raise late  # outside the handler: what was cut off may hold the request


class _Retries:
    """Decides, failure by failure, whether one call goes on: the wait in seconds, True for the usual one, or False."""

    def __init__(self, service: str, budget: float, shortest_wait: float) -> None:
        self._service = service
        self._deadline = asyncio.get_running_loop().time() + budget
        self._shortest_wait = shortest_wait
        self._malformed = 0

    def __call__(self, error: Exception) -> bool | float:
        if not is_worth_a_retry(error):
            return False
        self._malformed += isinstance(error, MalformedAnswer)
        if self._malformed > 1:
            return False
        asked = error.retry_after if isinstance(error, RateLimited) else None
        wait = self._shortest_wait if asked is None else max(asked, self._shortest_wait)
        if asyncio.get_running_loop().time() + wait > self._deadline:
            return False
        code = error.code if isinstance(error, LedgerError) else None
        _log.warning("service_call_failed", service=self._service, code=code, retry_after=asked)
        return True if asked is None else wait
