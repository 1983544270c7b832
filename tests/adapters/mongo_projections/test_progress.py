"""One poll serves every query that waits for a read model."""

import asyncio

import pytest

from adapters.mongo_projections.progress import Progress


class Model:
    """A read model at a position, which counts how often it is asked for it."""

    def __init__(self) -> None:
        self.position = 0
        self.asked = 0
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.position


async def test_forty_that_wait_cost_the_polls_of_one() -> None:
    one, forty = Model(), Model()
    assert not await Progress(one).reaches(9, 0.5)
    progress = Progress(forty)
    assert await asyncio.gather(*(progress.reaches(9, 0.5) for _ in range(40))) == [False] * 40
    assert forty.asked <= one.asked + 5


async def test_each_is_told_when_its_own_position_is_reached() -> None:
    model = Model()
    progress = Progress(model)
    first, second = (asyncio.create_task(progress.reaches(position, 60)) for position in (1, 2))
    model.position = 1
    assert await first
    assert not second.done()
    model.position = 2
    assert await second


async def test_nothing_is_asked_while_no_query_waits() -> None:
    model = Model()
    progress = Progress(model)
    assert not await progress.reaches(9, 0.05)
    await asyncio.sleep(0.1)
    asked = model.asked
    await asyncio.sleep(0.2)
    assert model.asked == asked


async def test_an_error_is_told_to_all_and_the_next_tries_again() -> None:
    model = Model()
    model.error = RuntimeError("gone")
    progress = Progress(model)
    told = await asyncio.gather(*(progress.reaches(1, 60) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in told] == ["gone"] * 3
    model.error, model.position = None, 1
    assert await progress.reaches(1, 60)


async def test_one_that_leaves_ends_its_own_wait_only() -> None:
    model = Model()
    progress = Progress(model)
    leaver, stayer = (asyncio.create_task(progress.reaches(1, 60)) for _ in range(2))
    await asyncio.sleep(0)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    model.position = 1
    assert await stayer
