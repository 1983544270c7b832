"""The contract of a circuit breaker, run by every implementation."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from adapters.circuit_breaker import CircuitBreaker, InterlockBreaker
from adapters.service_errors import (
    CircuitOpen,
    MalformedAnswer,
    Misconfigured,
    QuotaExhausted,
    TimedOut,
    UnusableAnswer,
    WouldFailAgain,
)
from ledger import AnalysisRefused, PhotoNotAccessible, RateLimited, ServiceUnavailable

RECOVERY = 0.05
THRESHOLD = 3

BreakerFactory = Callable[[float], CircuitBreaker]
Attempt = Callable[[], Awaitable[str]]


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


async def refuse() -> str:
    raise AnalysisRefused("no")


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


async def slow() -> str:
    raise TimedOut("slow")


async def say_nonsense() -> str:
    raise UnusableAnswer("nonsense")


async def suffering(breaker: CircuitBreaker, *persons: str | None, attempt: Attempt = slow) -> None:
    for person in persons:
        with pytest.raises(ServiceUnavailable, match=r"slow|nonsense"):
            await breaker.call(attempt, on_behalf_of=person)


@pytest.mark.parametrize("attempt", [slow, say_nonsense])
async def test_what_may_be_one_persons_own_opens_no_circuit(
    make_breaker: BreakerFactory, attempt: Attempt
) -> None:
    breaker = make_breaker(60)
    await suffering(breaker, *["alice"] * 3 * THRESHOLD, attempt=attempt)
    assert await breaker.call(succeed, on_behalf_of="bob") == "done"


async def test_what_more_than_one_person_suffers_opens_it(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(60)
    await suffering(breaker, "alice", *["bob"] * THRESHOLD)
    with pytest.raises(CircuitOpen):
        await breaker.call(succeed, on_behalf_of="carol")


async def test_a_success_between_leaves_each_person_alone_again(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(60)
    for _ in range(THRESHOLD):
        await suffering(breaker, "alice", "bob", *["alice"] * (THRESHOLD - 2))
        await breaker.call(succeed, on_behalf_of="carol")
        await suffering(breaker, *["alice"] * THRESHOLD)
        with pytest.raises(AnalysisRefused):
            await breaker.call(refuse, on_behalf_of="carol")
    assert await breaker.call(succeed) == "done"


async def test_where_no_person_is_named_every_failure_counts(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(60)
    await suffering(breaker, *[None] * THRESHOLD)
    with pytest.raises(CircuitOpen):
        await breaker.call(succeed)


async def test_an_outage_counts_whoever_sees_it(make_breaker: BreakerFactory) -> None:
    """A gateway's page in place of an answer is one too: no photo makes it."""
    breaker = make_breaker(60)
    for error in (ServiceUnavailable("down"), MalformedAnswer("<html>"), ServiceUnavailable("down")):

        async def attempt(error: Exception = error) -> None:
            raise error

        with pytest.raises(ServiceUnavailable):
            await breaker.call(attempt, on_behalf_of="alice")
    with pytest.raises(CircuitOpen):
        await breaker.call(succeed, on_behalf_of="bob")


async def test_one_persons_slow_probe_leaves_its_place_to_another(make_breaker: BreakerFactory) -> None:
    """Those who saw the circuit open do not count any more."""
    breaker = make_breaker(RECOVERY)
    await suffering(breaker, "bob", *["alice"] * THRESHOLD)
    await asyncio.sleep(RECOVERY * 1.2)
    await suffering(breaker, "alice", "alice")
    assert await breaker.call(succeed, on_behalf_of="bob") == "done"
    await suffering(breaker, *["alice"] * THRESHOLD)
    assert await breaker.call(succeed) == "done"


async def test_slow_probes_of_two_persons_open_it_again(make_breaker: BreakerFactory) -> None:
    breaker = make_breaker(0.5)
    await failing(breaker)
    await asyncio.sleep(0.6)
    await suffering(breaker, "alice", "bob")
    with pytest.raises(CircuitOpen):
        await breaker.call(succeed, on_behalf_of="carol")


async def test_a_probe_that_succeeds_closes_it_for_a_plate_of_many(make_breaker: BreakerFactory) -> None:
    """A plate that gives up at its first refusal cancels its own probe; neither of the two decides anything."""
    breaker = make_breaker(RECOVERY)
    await failing(breaker)
    await asyncio.sleep(RECOVERY * 1.2)

    async def answer_later() -> str:
        await asyncio.sleep(0.01)
        return "done"

    async def hasty_plate() -> None:
        async with asyncio.TaskGroup() as foods:
            for _ in range(3):
                foods.create_task(breaker.call(answer_later))

    for _ in range(3):
        with pytest.raises(ExceptionGroup) as given_up:
            await hasty_plate()
        assert given_up.group_contains(CircuitOpen)
    foods = [breaker.call(answer_later) for _ in range(3)]
    first, *others = await asyncio.gather(*foods, return_exceptions=True)
    assert first == "done"
    assert all(isinstance(other, CircuitOpen) for other in others)
    assert await asyncio.gather(*(breaker.call(answer_later) for _ in range(3))) == ["done"] * 3


async def test_errors_keep_no_trace_of_the_breaker(make_breaker: BreakerFactory) -> None:
    with pytest.raises(TimedOut) as failed:
        await make_breaker(60).call(slow, on_behalf_of="alice")
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
