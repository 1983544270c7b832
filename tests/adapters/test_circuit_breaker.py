"""The contract of a circuit breaker, run by every implementation."""

import asyncio
import time
from collections.abc import Callable

import pytest

from adapters.circuit_breaker import CircuitBreaker, InterlockBreaker
from adapters.service_errors import CircuitOpen, Misconfigured, QuotaExhausted, WouldFailAgain
from ledger import AnalysisRefused, PhotoNotAccessible, RateLimited, ServiceUnavailable

RECOVERY = 0.05
THRESHOLD = 3

BreakerFactory = Callable[[float], CircuitBreaker]


def _interlock(recovery_seconds: float) -> CircuitBreaker:
    return InterlockBreaker("The service", failure_threshold=THRESHOLD, recovery_seconds=recovery_seconds)


@pytest.fixture(params=[_interlock], ids=["interlock"])
def make_breaker(request: pytest.FixtureRequest) -> BreakerFactory:
    factory: BreakerFactory = request.param
    return factory


async def succeed() -> str:
    return "done"


async def fail() -> str:
    raise ServiceUnavailable("down")


async def failing(breaker: CircuitBreaker, times: int = THRESHOLD) -> None:
    for _ in range(times):
        with pytest.raises(ServiceUnavailable, match="down"):
            await breaker.call(fail)


async def recovered(breaker: CircuitBreaker) -> None:
    """Waits until the breaker lets a probe through, which succeeds."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            await breaker.call(succeed)
        except CircuitOpen:
            await asyncio.sleep(RECOVERY / 5)
        else:
            return
    raise TimeoutError("the breaker does not recover")


async def test_a_closed_circuit_returns_and_raises_what_the_call_does(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(60)
    assert await breaker.call(succeed) == "done"
    with pytest.raises(ServiceUnavailable, match="down"):
        await breaker.call(fail)


async def test_consecutive_failures_open_it_and_stop_calls(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(60)
    await failing(breaker)
    calls = 0

    async def count() -> None:
        nonlocal calls
        calls += 1

    with pytest.raises(CircuitOpen, match=r"The service .* later") as refused:
        await breaker.call(count)
    assert calls == 0
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


async def test_a_success_between_failures_keeps_it_closed(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(60)
    for _ in range(3):
        await failing(breaker, THRESHOLD - 1)
        assert await breaker.call(succeed) == "done"


@pytest.mark.parametrize(
    "error",
    [
        AnalysisRefused("no"),
        PhotoNotAccessible("no photo"),
        RateLimited("slow down"),
        QuotaExhausted("no credit"),
        Misconfigured("bad key"),
        WouldFailAgain("cut off"),
        KeyError("a bug of ours"),
    ],
)
async def test_what_says_nothing_about_the_service_is_no_failure(
    make_breaker: BreakerFactory, error: Exception
) -> None:
    breaker = make_breaker(60)

    async def attempt() -> None:
        raise error

    for _ in range(3 * THRESHOLD):
        with pytest.raises(type(error)):
            await breaker.call(attempt)
    assert await breaker.call(succeed) == "done"


async def test_a_cancelled_call_counts_as_nothing(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(60)
    await failing(breaker, THRESHOLD - 1)
    for _ in range(THRESHOLD):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await breaker.call(asyncio.Event().wait)
    assert await breaker.call(succeed) == "done"


async def test_after_the_recovery_time_a_probe_that_succeeds_closes_it(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(RECOVERY)
    await failing(breaker)
    await recovered(breaker)
    await failing(breaker, THRESHOLD - 1)
    assert await breaker.call(succeed) == "done"


async def test_a_probe_that_fails_opens_it_again(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(RECOVERY)
    await failing(breaker)
    await asyncio.sleep(RECOVERY * 1.2)
    with pytest.raises(ServiceUnavailable, match="down"):
        await breaker.call(fail)
    with pytest.raises(CircuitOpen):
        await breaker.call(succeed)


async def test_only_one_of_many_calls_at_once_is_the_probe(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(RECOVERY)
    await failing(breaker)
    await asyncio.sleep(RECOVERY * 1.2)
    running, release = 0, asyncio.Event()

    async def probe() -> None:
        nonlocal running
        running += 1
        await release.wait()

    calls = [asyncio.create_task(breaker.call(probe)) for _ in range(20)]
    done, waiting = await asyncio.wait(calls, timeout=0.2)
    assert running == 1
    assert len(waiting) == 1
    assert all(isinstance(call.exception(), CircuitOpen) for call in done)
    release.set()
    await asyncio.gather(*waiting)
    assert await breaker.call(succeed) == "done"


async def test_a_cancelled_probe_leaves_room_for_the_next(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(RECOVERY)
    await failing(breaker)
    await asyncio.sleep(RECOVERY * 1.2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await breaker.call(asyncio.Event().wait)
    assert await breaker.call(succeed) == "done"


async def test_a_late_success_does_not_close_an_open_circuit(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(60)
    release = asyncio.Event()
    late = asyncio.create_task(breaker.call(release.wait))
    await asyncio.sleep(0)
    await failing(breaker)
    release.set()
    assert await late is True
    with pytest.raises(CircuitOpen):
        await breaker.call(succeed)


async def test_breakers_of_one_name_do_not_share_their_state(make_breaker: BreakerFactory) -> None:
    one, other = make_breaker(60), make_breaker(60)
    await failing(one)
    assert await other.call(succeed) == "done"
