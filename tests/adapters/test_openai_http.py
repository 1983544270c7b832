"""How much of the model's answer is read, over real HTTP."""

import gzip
import json
import tracemalloc
from collections.abc import Iterator

import pytest

from adapters.service_errors import UnusableAnswer
from tests.adapters.vision_model import EGG, opened, plate, recognize, said
from tests.fault_server import FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_an_answer_without_end_is_cut_at_its_cap(server: FaultyServer, status: int) -> None:
    server.flood(status, times=None)
    tracemalloc.start()
    try:
        async with opened(server) as recognizer:
            with pytest.raises(UnusableAnswer):
                await recognize(recognizer)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(server.requests) == 2
    assert peak < 10_000_000  # five times the cap


async def test_an_answer_announced_too_large_is_not_read(server: FaultyServer) -> None:
    server.answer(json=said(plate(EGG) + " " * 2_000_000), times=2)
    server.answer(json=said(plate(EGG) + " " * 1_900_000))
    async with opened(server) as recognizer:
        with pytest.raises(UnusableAnswer):
            await recognize(recognizer)
        assert len((await recognize(recognizer)).foods) == 1


async def test_a_compressed_answer_is_not_asked_for_nor_read(server: FaultyServer) -> None:
    """Ten megabytes fit into ten kilobytes."""
    bomb = gzip.compress(json.dumps(said(plate(EGG) + " " * 10_000_000)).encode())
    server.answer(body=bomb, headers={"Content-Encoding": "gzip"}, times=None)
    async with opened(server) as recognizer:
        with pytest.raises(UnusableAnswer):
            await recognize(recognizer)
    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}
