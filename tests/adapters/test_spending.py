"""The ceiling of what the model may cost within an hour."""

import asyncio
from collections.abc import Iterator

import pytest
import structlog

from adapters.prices import PriceTable, Rates
from adapters.spending import CeilingReached, HourlySpending
from ledger import ServiceUnavailable
from tests.adapters.vision_model import EGG, USAGE, opened, plate, recognize, said
from tests.clock import Clock
from tests.fault_server import FaultyServer

COST = 1050 / 1e6  # of an answer with USAGE, at 1 per million tokens of any kind
RATES = Rates(input=1.0, cached=1.0, written=1.0, output=1.0)
PRICES = PriceTable(version="2026-11", currency="USD", models={"vision-1": RATES})


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def test_a_call_at_the_ceiling_is_told_when_there_is_room() -> None:
    clock = Clock()
    spending = HourlySpending(1.0, clock=clock)
    for cost in (0.2, 0.8):
        spending.require_room()
        spending.settle(spending.begin(), cost)
        clock.now += 600
    with pytest.raises(CeilingReached, match="cannot be analysed at the moment") as refused:
        spending.require_room()
    assert refused.value.retry_after == 2400  # when the first call is an hour old
    clock.now += 2400
    spending.require_room()


def test_analyses_are_said_to_be_off_once_and_on_again() -> None:
    clock = Clock()
    spending = HourlySpending(1.0, clock=clock)
    spending.settle(spending.begin(), 1.5)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(CeilingReached):
                spending.require_room()
        clock.now += 3600
        spending.require_room()
        spending.require_room()
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("analyses_turned_off", "error"),
        ("analyses_turned_on", "warning"),
    ]
    assert (lines[0]["spent"], lines[0]["most"], lines[1]["after_seconds"]) == (1.5, 1.0, 3600)


def test_calls_in_hand_count_as_much_as_others_cost() -> None:
    spending = HourlySpending(1.0)
    spending.settle(spending.begin(), 0.4)
    spending.begin()
    spending.require_room()
    spending.begin()
    with pytest.raises(CeilingReached):
        spending.require_room()


async def test_no_call_is_made_beyond_the_ceiling(server: FaultyServer) -> None:
    for _ in range(3):
        server.answer(json=said(plate(EGG)))
    async with opened(server, prices=PRICES, spending=HourlySpending(1.5 * COST)) as recognizer:
        await recognize(recognizer)
        await recognize(recognizer)
        with pytest.raises(ServiceUnavailable):
            await recognize(recognizer)
    assert len(server.requests) == 2


async def test_an_answer_of_no_use_is_paid_for_too(server: FaultyServer) -> None:
    for _ in range(3):
        server.answer(json=said("I see an egg."))
    async with opened(server, prices=PRICES, spending=HourlySpending(COST)) as recognizer:
        with pytest.raises(ServiceUnavailable):
            await recognize(recognizer)
        with pytest.raises(CeilingReached):
            await recognize(recognizer)


async def test_a_call_that_the_service_refused_costs_nothing(server: FaultyServer) -> None:
    spending = HourlySpending(1.5 * COST)
    async with opened(server, prices=PRICES, spending=spending) as recognizer:
        server.answer(json=said(plate(EGG)))
        await recognize(recognizer)
        for _ in range(2):
            server.answer(401, json={"error": {"code": "invalid_api_key", "message": "No."}})
            with pytest.raises(ServiceUnavailable):
                await recognize(recognizer)
        server.answer(json=said(plate(EGG)))
        await recognize(recognizer)


@pytest.mark.parametrize("usage", [None, USAGE | {"output_tokens": None}])
async def test_an_answer_of_unknown_cost_counts_as_much_as_others(
    server: FaultyServer, usage: dict[str, object] | None
) -> None:
    async with opened(server, prices=PRICES, spending=HourlySpending(1.5 * COST)) as recognizer:
        server.answer(json=said(plate(EGG)))
        await recognize(recognizer)
        server.answer(json=said(plate(EGG), usage=usage))
        await recognize(recognizer)
        with pytest.raises(CeilingReached):
            await recognize(recognizer)


async def test_a_call_that_was_cut_off_counts_as_much_as_others(server: FaultyServer) -> None:
    async with opened(server, prices=PRICES, spending=HourlySpending(1.5 * COST)) as recognizer:
        server.answer(json=said(plate(EGG)))
        await recognize(recognizer)
        server.answer(json=said(plate(EGG)), delay=5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await recognize(recognizer)
        with pytest.raises(CeilingReached):
            await recognize(recognizer)
