"""What opens the circuit to the model's service, over real HTTP: the service's own trouble, and no person's photos."""

import asyncio
from collections.abc import Iterator

import pytest

from adapters.service_errors import CircuitOpen, TimedOut, UnusableAnswer
from ledger import AnalysisRefused, PhotoNotAccessible, ServiceUnavailable
from tests.adapters.services import quick_resilience
from tests.adapters.vision_model import EGG, USER, error, opened, plate, recognize, said
from tests.fault_server import FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


async def test_only_repeated_outages_open_the_circuit(
    server: FaultyServer,
) -> None:
    """Photos out of reach do not."""
    async with opened(server, quick_resilience(attempts=1, failure_threshold=2)) as recognizer:
        server.answer(400, json=error("failed_to_download_image"), times=5)
        for _ in range(5):
            with pytest.raises(PhotoNotAccessible):
                await recognize(recognizer)
        server.answer(500, times=2)
        for _ in range(2):
            with pytest.raises(ServiceUnavailable):
                await recognize(recognizer)
        with pytest.raises(CircuitOpen):
            await recognize(recognizer)
    assert len(server.requests) == 7


@pytest.mark.parametrize("text", ["I see an egg.", "I'm sorry, but I can't help with that."])
async def test_photos_answered_in_prose_open_no_circuit_for_others(server: FaultyServer, text: str) -> None:
    async with opened(server, quick_resilience(attempts=1, failure_threshold=2)) as recognizer:
        server.answer(json=said(text), times=6)
        for _ in range(6):
            with pytest.raises((UnusableAnswer, AnalysisRefused)):
                await recognize(recognizer)
        server.answer(json=said(plate(EGG)))
        assert len((await recognize(recognizer, user="bob")).foods) == 1


async def test_slow_photos_of_one_person_open_no_circuit_for_others(server: FaultyServer) -> None:
    guard = quick_resilience(attempts=1, attempt_timeout=1.0, failure_threshold=2)
    async with opened(server, guard) as recognizer:
        server.silence(times=6)
        slow = await asyncio.gather(*(recognize(recognizer) for _ in range(6)), return_exceptions=True)
        assert [type(failure) for failure in slow] == [TimedOut] * 6
        server.answer(json=said(plate(EGG)))
        assert len((await recognize(recognizer, user="bob")).foods) == 1


async def test_a_service_slow_for_several_persons_is_left_alone(server: FaultyServer) -> None:
    guard = quick_resilience(attempts=1, attempt_timeout=0.2, failure_threshold=2)
    async with opened(server, guard) as recognizer:
        server.silence(times=None)
        for user in (USER, "bob", "carol"):
            with pytest.raises(TimedOut):
                await recognize(recognizer, user=user)
        with pytest.raises(CircuitOpen):
            await recognize(recognizer, user="dave")
    assert len(server.requests) == 3


async def test_a_trial_beside_a_refused_call_closes_the_circuit(server: FaultyServer) -> None:
    """Two calls at once, after the recovery time: one tries, the other is refused, and then all is well."""
    guard = quick_resilience(attempts=1, failure_threshold=2, recovery_seconds=0.1)
    async with opened(server, guard) as recognizer:
        server.answer(503, times=2)
        for _ in range(2):
            with pytest.raises(ServiceUnavailable):
                await recognize(recognizer)
        await asyncio.sleep(0.12)
        server.answer(json=said(plate(EGG)), delay=0.05, times=None)
        outcomes = await asyncio.gather(*(recognize(recognizer) for _ in range(2)), return_exceptions=True)
        assert sum(isinstance(outcome, CircuitOpen) for outcome in outcomes) == 1
        assert len(await asyncio.gather(*(recognize(recognizer) for _ in range(5)))) == 5
