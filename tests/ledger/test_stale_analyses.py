"""The sweep: an analysis that a crash cut off fails once, and one bad stream stops no other."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from eventsourcing.persistence import OperationalError

from ledger import (
    ErrorCode,
    LedgerError,
    MealStatus,
    StaleAnalysisSweep,
)
from ledger.local_day import now
from tests.ledger.kitchen import ALICE, KEYED, PHOTO, cut_off, kitchen
from tests.ledger.ports import Recognizer, food


class Found:
    """A finder that has found these meals, and remembers what it was asked."""

    def __init__(self, *meal_ids: str) -> None:
        self.meal_ids = meal_ids
        self.asked: list[datetime] = []

    async def stale_analyses(self, older_than: datetime, limit: int) -> list[str]:
        self.asked.append(older_than)
        return list(self.meal_ids[:limit])


async def test_a_stale_analysis_fails_once_however_many_processes_sweep() -> None:
    later = now() + timedelta(seconds=11)
    async with (
        kitchen() as it,
        kitchen(ledger=it.ledger, clock=lambda: later) as one,
        kitchen(ledger=it.ledger, clock=lambda: later) as two,
    ):
        meal_id = await cut_off(it)
        finder = Found(str(meal_id))
        sweeps = [StaleAnalysisSweep(finder, there.runs) for there in (one, two)]
        assert sum(await asyncio.gather(*(sweep.once() for sweep in sweeps))) == 1
        assert finder.asked == [later - timedelta(seconds=10)] * 2
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]
        again = await it.commands.analyze_meal_photo(ALICE, KEYED)
        assert again.meal.status is MealStatus.FAILED
        assert again.error is not None
        assert again.error.code is ErrorCode.SERVICE_UNAVAILABLE


async def test_an_unreadable_stream_does_not_stop_the_sweep(
    caplog: pytest.LogCaptureFixture,
) -> None:
    later = now() + timedelta(seconds=11)
    async with kitchen() as it, kitchen(ledger=it.ledger, clock=lambda: later) as sweeper:
        good = await cut_off(it)
        sweep = StaleAnalysisSweep(Found("no meal", str(good)), sweeper.runs)
        assert await sweep.once() == 1
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]
    assert "stale_analysis_skipped" in caplog.text


async def test_an_unreachable_store_ends_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    async with kitchen() as it:

        def save(*_: object) -> None:
            raise OperationalError("no primary")

        later = now() + timedelta(seconds=11)
        async with kitchen(ledger=it.ledger, clock=lambda: later) as sweeper:
            meal_id = await cut_off(it)
            monkeypatch.setattr(it.ledger, "save", save)
            finder = Found(str(meal_id), str(meal_id))
            with pytest.raises(LedgerError, match="cannot be reached"):
                await StaleAnalysisSweep(finder, sweeper.runs).once()


async def test_a_sweep_leaves_a_young_analysis_alone() -> None:
    async with kitchen() as it:
        assert await it.runs.fail_if_stale(await cut_off(it)) is False
        assert it.topics() == ["MealAnalysisRequested"]


async def test_two_sweeps_fail_an_analysis_once(monkeypatch: pytest.MonkeyPatch) -> None:
    later = now() + timedelta(seconds=11)
    async with kitchen(clock=lambda: later) as it:
        meal_id = await cut_off(it)
        append = it.meals.append

        async def second(meal: object) -> int:
            monkeypatch.setattr(it.meals, "append", append)
            assert await it.runs.fail_if_stale(meal_id) is True
            return await append(meal)  # type: ignore[arg-type] # handed on

        monkeypatch.setattr(it.meals, "append", second)
        assert await it.runs.fail_if_stale(meal_id) is False
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]


async def test_an_outcome_after_the_sweep_does_not_change_the_failure() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    later = now() + timedelta(seconds=11)
    async with kitchen(recognizer) as it, kitchen(ledger=it.ledger, clock=lambda: later) as sweeper:
        call = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, PHOTO))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        (requested,) = it.ledger.recorder.select_notifications(1, 10)
        assert await sweeper.runs.fail_if_stale(UUID(str(requested.originator_id))) is True
        recognizer.gate.set()
        assert (await call).meal.status is MealStatus.FAILED
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]


async def test_a_failed_sweep_is_followed_by_the_next(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Found):
        asked_thrice = asyncio.Event()

        async def stale_analyses(self, older_than: datetime, limit: int) -> list[str]:
            await super().stale_analyses(older_than, limit)
            if len(self.asked) == 3:
                self.asked_thrice.set()
            raise RuntimeError("no database")

    finder = Broken()
    async with kitchen() as it:
        sweep = StaleAnalysisSweep(finder, it.runs)
        sweeping = asyncio.create_task(sweep.forever(timedelta(milliseconds=1)))
        await asyncio.wait_for(finder.asked_thrice.wait(), 5)
        sweeping.cancel()
        await asyncio.wait([sweeping])
    assert "stale_analysis_sweep_failed" in caplog.text
