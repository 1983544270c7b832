"""The circuit breaker's port, and `interlock-cb` behind it. `ops` makes one breaker per service and process."""

import math
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import interlock
import structlog

from adapters.service_errors import CircuitOpen, is_service_failure

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class CircuitBreaker(Protocol):
    """Leaves a failing service alone.

    Closed, it lets every call through; after a number of failures in a row it opens and refuses calls at once. When
    the recovery time is over it lets one call through as a probe and refuses the rest: the probe's success
    closes it, its failure opens it again. Only `is_service_failure` errors are failures. A cancelled call, as
    by the caller's deadline, counts as nothing, and neither does a call that ends after the state has changed.
    """

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` returns or raises. Raises CircuitOpen, without running it, while the circuit is open."""
        ...


class InterlockBreaker:
    """A `CircuitBreaker` on `interlock-cb`.

    Opens after `failure_threshold` failures in a row, for `recovery_seconds`. `service` is its name in
    messages and logs.
    """

    def __init__(self, service: str, *, failure_threshold: int, recovery_seconds: float) -> None:
        self._service = service
        self._breaker = interlock.CircuitBreaker(
            name=service,
            # A window of that many calls, all of which failed: failures in a row.
            config=interlock.Config(
                failure_rate_threshold=1.0,
                minimum_number_of_calls=failure_threshold,
                window_size=failure_threshold,
                slow_call_duration_threshold=math.inf,  # the time-out of an attempt decides what is too slow
                permitted_calls_in_half_open=1,
                wait_duration_in_open=recovery_seconds,
            ),
            classifier=_ServiceFailures(),
            listener=_StateLog(),
        )

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await attempt()

        try:
            return await self._breaker.call(run)
        except interlock.CircuitOpenError:
            refused = CircuitOpen(f"{self._service} is not available at the moment; try again later.")
        raise refused  # outside the handler: the library's error holds the last failure, and with it its request


class _ServiceFailures:
    def is_failure(self, *, result: object, exception: Exception | None) -> bool:  # noqa: ARG002 - interlock's port
        return exception is not None and is_service_failure(exception)


class _StateLog(interlock.CoreEventListener):
    def on_state_change(self, *, name: str, old: interlock.State, new: interlock.State) -> None:
        _log.warning("circuit_state_changed", service=name, old=old.value, new=new.value)
