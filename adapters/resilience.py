"""The one layer that bounds, retries and guards calls to an outside service: breaker → retry → time-out → attempt."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TypeVar

import stamina
import structlog

from adapters.circuit_breaker import CircuitBreaker
from adapters.service_errors import MalformedAnswer, Misconfigured, QuotaExhausted, TimedOut, is_worth_a_retry
from ledger import LedgerError, RateLimited

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class Resilience:
    """Runs the calls to one service. All times are in seconds.

    A call has at most `attempts` attempts of at most `attempt_timeout` each, and ends `budget` after it began. What
    the service says in Retry-After is waited for when it fits into the budget; when it does not, RateLimited is
    raised at once, so that the person can be told. Else waits double from `wait_initial` to `wait_max`, with jitter.
    An attempt that timed out is tried again where there is time for a whole one. The caller's own deadline may cut
    everything at any moment. The breaker counts calls, whatever number of attempts they took.
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
        self.misconfiguration: str | None = None
        """What the service has against our address, key or account, for the operator; None since it answered."""
        self.attempt_timeout = attempt_timeout
        self._attempts = attempts
        self._budget = budget
        self._breaker = breaker
        self._wait_initial = wait_initial
        self._wait_max = wait_max

    async def call(self, attempt: Callable[[], Awaitable[T]], *, on_behalf_of: str | None = None) -> T:
        """What `attempt` returns. It must be safe to run again, and raise the ledger's errors and no others.

        `on_behalf_of` is the person whose call it is, None where nothing of one person's is sent: what may come from
        that person's own data opens no circuit for others.
        Raises what the last attempt raised, TimedOut, CircuitOpen.
        """
        return await self._breaker.call(lambda: self._tried(attempt), on_behalf_of=on_behalf_of)

    async def _tried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        deadline = asyncio.get_running_loop().time() + self._budget
        earlier: LedgerError | None = None
        async for trial in stamina.retry_context(
            on=_Retries(deadline, self._wait_initial, self.attempt_timeout),
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._wait_initial,
            wait_jitter=self._wait_initial,
            wait_max=self._wait_max,
        ):
            with trial:
                started = perf_counter()
                try:
                    answer = await self._bounded(attempt, deadline, earlier)
                except LedgerError as error:
                    self._log_failure(error, trial.num, perf_counter() - started)
                    earlier = error
                    raise
                self.misconfiguration = None
                return answer
        raise AssertionError("the retry layer ends with a result or an error")

    def _log_failure(self, error: LedgerError, attempt: int, seconds: float) -> None:
        """One line for each attempt that failed. What the service itself did is in the error's notes."""
        seen = ", ".join(getattr(error, "__notes__", [])) or type(error).__name__
        if isinstance(error, Misconfigured | QuotaExhausted):
            # The operator's affair, with a line of its own where it was seen.
            self.misconfiguration = f"it answers {seen}: look at its address, key and account"
            return
        write = _log.warning if is_worth_a_retry(error) else _log.info
        write(
            "service_call_failed",
            service=self.service,
            code=error.code.value,
            seen=seen,
            retry_after=error.retry_after if isinstance(error, RateLimited) else None,
            attempt=attempt,
            duration_ms=round(seconds * 1000, 1),
            circuit=self._breaker.state,
        )

    async def _bounded(
        self, attempt: Callable[[], Awaitable[T]], deadline: float, earlier: LedgerError | None
    ) -> T:
        """One attempt. Where the call's deadline leaves it no whole time-out, what went wrong earlier stands."""
        ends = asyncio.get_running_loop().time() + self.attempt_timeout
        try:
            async with asyncio.timeout_at(min(ends, deadline)):
                return await attempt()
        except TimeoutError:
            late: LedgerError = TimedOut(f"{self.service} did not answer in time.")
            if ends > deadline and earlier is not None:
                late = earlier
        raise late  # outside the handler: what was cut off may hold the request


class _Retries:
    """Decides, failure by failure, whether one call goes on: the wait in seconds, True for the usual one, or False."""

    def __init__(self, deadline: float, shortest_wait: float, attempt_timeout: float) -> None:
        self._deadline = deadline
        self._shortest_wait = shortest_wait
        self._attempt_timeout = attempt_timeout
        self._malformed = 0

    def __call__(self, error: Exception) -> bool | float:
        if not is_worth_a_retry(error):
            return False
        self._malformed += isinstance(error, MalformedAnswer)
        if self._malformed > 1:
            return False
        asked = error.retry_after if isinstance(error, RateLimited) else None
        wait = self._shortest_wait if asked is None else max(asked, self._shortest_wait)
        needed = self._attempt_timeout if isinstance(error, TimedOut) else 0.0
        if asyncio.get_running_loop().time() + wait + needed > self._deadline:
            return False
        return True if asked is None else wait
