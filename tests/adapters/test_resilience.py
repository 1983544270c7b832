"""What is tried again, how often and how long, and what the circuit counts, whatever the service."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
import structlog

from adapters.circuit_breaker import InterlockBreaker
from adapters.resilience import Resilience
from adapters.service_errors import (
    CircuitOpen,
    MalformedAnswer,
    Misconfigured,
    QuotaExhausted,
    TimedOut,
    WouldFailAgain,
    noted,
)
from ledger import AnalysisRefused, PhotoNotAccessible, RateLimited, ServiceUnavailable
from tests.pace import Stopwatch


def resilience(
    *,
    attempts: int = 3,
    attempt_timeout: float = 5.0,
    budget: float = 5.0,
    failure_threshold: int = 100,
) -> Resilience:
    breaker = InterlockBreaker("The service", failure_threshold=failure_threshold, recovery_seconds=60)
    return Resilience(
        "The service",
        attempts=attempts,
        attempt_timeout=attempt_timeout,
        budget=budget,
        breaker=breaker,
        wait_initial=0.01,
        wait_max=0.02,
    )


class Script:
    """An attempt that raises its errors in turn, then returns."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


async def never() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_what_fails_for_a_moment_is_tried_again() -> None:
    script = Script(ServiceUnavailable("a"), RateLimited("b"))
    assert await resilience().call(script) == "done"
    assert script.calls == 3


async def test_the_attempts_are_bounded_and_the_last_error_is_raised() -> None:
    script = Script(*[ServiceUnavailable(str(n)) for n in range(9)])
    with pytest.raises(ServiceUnavailable, match="2"):
        await resilience(attempts=3).call(script)
    assert script.calls == 3


@pytest.mark.parametrize(
    "error",
    [
        AnalysisRefused("no"),
        PhotoNotAccessible("no photo"),
        QuotaExhausted("no credit", retry_after=0.01),
        Misconfigured("bad key"),
        WouldFailAgain("cut off"),
        KeyError("a bug of ours"),
    ],
)
async def test_what_would_fail_again_is_tried_once(error: Exception) -> None:
    script = Script(error)
    with pytest.raises(type(error)):
        await resilience().call(script)
    assert script.calls == 1


async def test_a_malformed_answer_gets_one_more_try_and_no_third() -> None:
    script = Script(MalformedAnswer("a"), MalformedAnswer("b"), MalformedAnswer("c"))
    with pytest.raises(MalformedAnswer, match="b"):
        await resilience(attempts=5).call(script)
    assert script.calls == 2


async def test_retry_after_is_waited_for_when_it_fits() -> None:
    script = Script(RateLimited("slow down", retry_after=0.3))
    began = time.monotonic()
    assert await resilience().call(script) == "done"
    assert time.monotonic() - began >= 0.3


async def test_retry_after_that_does_not_fit_is_raised_at_once() -> None:
    script = Script(RateLimited("slow down", retry_after=60))
    watch = Stopwatch()
    with pytest.raises(RateLimited) as limited:
        await resilience(budget=5).call(script)
    assert limited.value.retry_after == 60
    assert script.calls == 1
    assert watch.seconds() < 2


async def test_no_attempt_starts_after_the_budget() -> None:
    async def slow() -> str:
        await asyncio.sleep(0.15)
        raise ServiceUnavailable("down")

    watch = Stopwatch()
    with pytest.raises(ServiceUnavailable, match="down"):
        await resilience(attempts=50, budget=0.2).call(slow)
    assert watch.seconds() < 2


async def test_a_slow_attempt_is_cut_off_and_retried() -> None:
    calls: list[Callable[[], Awaitable[str]]] = [never, Script()]

    async def attempt() -> str:
        return await calls.pop(0)()

    assert await resilience(attempt_timeout=0.05).call(attempt) == "done"
    with pytest.raises(ServiceUnavailable, match="The service did not answer in time"):
        await resilience(attempts=2, attempt_timeout=0.02).call(never)


async def test_the_callers_deadline_is_no_failure_of_the_service() -> None:
    guarded = resilience(failure_threshold=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await guarded.call(never)
    assert await guarded.call(Script()) == "done"


async def test_a_deadline_during_the_wait_for_a_retry_is_kept() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await resilience().call(Script(RateLimited("slow down", retry_after=3)))


async def test_attempts_that_time_out_open_the_circuit() -> None:
    guarded = resilience(attempts=1, attempt_timeout=0.02, failure_threshold=2)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="in time"):
            await guarded.call(never)
    script = Script()
    with pytest.raises(CircuitOpen):
        await guarded.call(script)
    assert script.calls == 0


async def test_the_circuit_counts_calls_and_not_their_attempts() -> None:
    guarded = resilience(attempts=3, failure_threshold=2)
    script = Script(*[ServiceUnavailable("down")] * 6)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="down"):
            await guarded.call(script)
    assert script.calls == 6
    with pytest.raises(CircuitOpen):
        await guarded.call(script)


async def test_a_call_that_succeeds_at_last_is_a_success() -> None:
    guarded = resilience(attempts=3, failure_threshold=1)
    for _ in range(3):
        assert await guarded.call(Script(ServiceUnavailable("a"), ServiceUnavailable("b"))) == "done"


async def test_a_time_out_is_not_retried_where_a_whole_attempt_does_not_fit() -> None:
    """Nobody waits for half an answer, which may be paid for."""
    calls = 0

    async def slow() -> str:
        nonlocal calls
        calls += 1
        return await never()

    with pytest.raises(TimedOut):
        await resilience(attempts=3, attempt_timeout=0.1, budget=0.15).call(slow)
    assert calls == 1


async def test_a_call_ends_with_its_budget_and_says_what_went_wrong() -> None:
    calls: list[Callable[[], Awaitable[str]]] = [Script(ServiceUnavailable("down")), never]

    async def attempt() -> str:
        return await calls.pop(0)()

    watch = Stopwatch()
    with pytest.raises(ServiceUnavailable, match="down"):
        await resilience(attempt_timeout=60, budget=0.2).call(attempt)
    assert watch.seconds() < 2


async def test_time_outs_of_one_person_open_no_circuit() -> None:
    guarded = resilience(attempts=1, attempt_timeout=0.02, failure_threshold=2)
    for _ in range(4):
        with pytest.raises(TimedOut):
            await guarded.call(never, on_behalf_of="alice")
    assert await guarded.call(Script(), on_behalf_of="bob") == "done"


async def test_each_failed_attempt_leaves_one_line() -> None:
    guarded = resilience(attempts=2, failure_threshold=1)
    down = noted(ServiceUnavailable("Down."), "HTTP 500")
    with structlog.testing.capture_logs() as lines, pytest.raises(RateLimited):
        await guarded.call(Script(down, RateLimited("Slow.", retry_after=0.01)))
    failed = [line for line in lines if line["event"] == "service_call_failed"]
    assert [line.pop("duration_ms") >= 0 for line in failed] == [True, True]
    common = {"event": "service_call_failed", "service": "The service", "circuit": "closed"}
    assert failed == [
        common
        | {
            "code": "SERVICE_UNAVAILABLE",
            "seen": "HTTP 500",
            "attempt": 1,
            "retry_after": None,
            "log_level": "warning",
        },
        common
        | {
            "code": "RATE_LIMITED",
            "seen": "RateLimited",
            "attempt": 2,
            "retry_after": 0.01,
            "log_level": "warning",
        },
    ]


async def test_a_refusal_is_no_warning() -> None:
    with structlog.testing.capture_logs() as lines, pytest.raises(PhotoNotAccessible):
        await resilience().call(Script(PhotoNotAccessible("No photo.")))
    assert [(line["event"], line["log_level"]) for line in lines] == [("service_call_failed", "info")]
