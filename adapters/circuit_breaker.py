"""The circuit breaker's port, and `interlock-cb` behind it. `ops` makes one breaker per service and process."""

import math
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import interlock
import structlog

from adapters.service_errors import CircuitOpen, is_service_failure, may_be_the_callers

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class CircuitBreaker(Protocol):
    """Leaves a failing service alone.

    Closed, it lets every call through; after a number of failures in a row it opens and refuses calls at once. When
    the recovery time is over it lets one call through as a probe and refuses the rest: the probe's success
    closes it, its failure opens it again. Only `is_service_failure` errors are failures, and those that
    `may_be_the_callers` only while more than one person has them: since the last success, and since the state changed.
    Other calls that fail so count as nothing, and neither does a cancelled call, as by the caller's deadline, or one
    that ends after the state has changed; such a probe leaves its place to the next call.
    """

    async def call(self, attempt: Callable[[], Awaitable[T]], *, on_behalf_of: str | None = None) -> T:
        """What `attempt` returns or raises. Raises CircuitOpen, without running it, while the circuit is open.

        `on_behalf_of` is the person whose call it is; None where nothing of one person's is sent.
        """
        ...

    @property
    def state(self) -> str:
        """For the log: closed, open or half_open."""
        ...


class InterlockBreaker:
    """A `CircuitBreaker` on `interlock-cb`.

    Opens after `failure_threshold` failures in a row, for `recovery_seconds`. `service` is its name in
    messages and logs. `on_change` is told whenever it opens (True) and closes (False).
    """

    def __init__(
        self,
        service: str,
        *,
        failure_threshold: int,
        recovery_seconds: float,
        on_change: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._service = service
        self._doubts = _Doubts()
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
            listener=_StateChanges(self._doubts, on_change),
        )

    async def call(self, attempt: Callable[[], Awaitable[T]], *, on_behalf_of: str | None = None) -> T:
        async def run() -> T:
            try:
                result = await attempt()
            except Exception as error:
                if self._is_evidence(error, on_behalf_of):
                    raise
                no_verdict = _NoVerdict(error)
            else:
                self._doubts.dispel()
                return result
            raise no_verdict

        failure: Exception
        try:
            return await self._breaker.call(run)
        except interlock.CircuitOpenError:
            failure = CircuitOpen(f"{self._service} is not available at the moment; try again later.")
        except _NoVerdict as undecided:
            failure = undecided.error
        raise failure  # outside the handlers: the library's error holds the last failure, and with it its request

    @property
    def state(self) -> str:
        return self._breaker.state.value

    def _is_evidence(self, error: Exception, person: str | None) -> bool:
        if not is_service_failure(error):
            self._doubts.dispel()
            return True
        return not may_be_the_callers(error) or self._doubts.are_of_several(person)


class _Doubts:
    """The persons who had a failure that may be their own, as far as it matters: none, one, or more than one."""

    def __init__(self) -> None:
        self._first: str | None = None
        self._several = False

    def are_of_several(self, person: str | None) -> bool:
        """Take down one more such failure; whether more than one person has had one. None is no person's own."""
        if person is None:
            return True
        self._first = self._first or person
        self._several = self._several or person != self._first
        return self._several

    def dispel(self) -> None:
        self._first, self._several = None, False


class _NoVerdict(BaseException):
    """Carries an error past interlock, which counts nothing for what is no Exception and frees a probe's place."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _ServiceFailures:
    def is_failure(self, *, result: object, exception: Exception | None) -> bool:  # noqa: ARG002 - interlock's port
        return exception is not None and is_service_failure(exception)


class _StateChanges(interlock.CoreEventListener):
    def __init__(self, doubts: _Doubts, on_change: Callable[[bool], None]) -> None:
        self._doubts = doubts
        self._on_change = on_change

    def on_state_change(self, *, name: str, old: interlock.State, new: interlock.State) -> None:
        self._doubts.dispel()
        _log.warning("circuit_state_changed", service=name, old=old.value, new=new.value)
        if new is not interlock.State.HALF_OPEN:
            self._on_change(new is interlock.State.OPEN)
