"""Runs of analyses: one outcome in the log, though callers leave and requests are sent twice."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

import pytest
from msgspec import structs

from ledger import (
    AnalysisRefused,
    Deadline,
    ErrorCode,
    Meal,
    MealStatus,
    ServiceUnavailable,
)
from ledger.local_day import now
from tests.ledger.kitchen import ALICE, KEYED, PHOTO, cut_off, kitchen
from tests.ledger.ports import Recognizer, food


async def test_the_request_is_appended_before_the_model_is_called() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it:
        call = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, PHOTO))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        assert it.topics() == ["MealAnalysisRequested"]
        recognizer.gate.set()
        assert (await call).meal.status is MealStatus.ANALYZED


async def test_a_caller_who_leaves_does_not_stop_the_analysis() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it:
        call = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, PHOTO))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        call.cancel()
        recognizer.gate.set()
        await it.runs.drain()
        assert it.topics() == ["MealAnalysisRequested", "MealAnalyzed"]


async def test_a_request_whose_caller_has_left_leaves_no_trace() -> None:
    async with kitchen() as it:
        with pytest.raises(ServiceUnavailable):
            await it.commands.analyze_meal_photo(ALICE, KEYED, Deadline.after(0))
        assert it.topics() == []


async def test_a_caller_leaving_during_the_append_costs_no_model_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with kitchen() as it:
        deadline, append = Deadline.after(60), it.meals.append

        async def leave(meal: Meal, *how: Deadline) -> int:
            position = await append(meal, *how)
            deadline.give_up()
            return position

        monkeypatch.setattr(it.meals, "append", leave)
        with pytest.raises(ServiceUnavailable):
            await it.commands.analyze_meal_photo(ALICE, PHOTO, deadline)
        await it.runs.drain()
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]
        assert it.recognizer.calls == []


async def test_an_outcome_reports_the_model_and_each_step() -> None:
    async with kitchen() as it:
        outcome = await it.commands.analyze_meal_photo(ALICE, PHOTO)
    assert outcome.report is not None
    assert outcome.report.run is not None
    assert list(outcome.report.steps) == ["recognize", "search", "record"]


async def test_a_failed_analysis_reports_the_steps_that_it_took() -> None:
    async with kitchen(Recognizer(error=AnalysisRefused("No."))) as it:
        outcome = await it.commands.analyze_meal_photo(ALICE, PHOTO)
    assert outcome.report is not None
    assert outcome.report.run is None
    assert list(outcome.report.steps) == ["recognize", "record"]


async def test_an_outcome_after_the_caller_left_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it:
        call = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, PHOTO))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        call.cancel()
        await asyncio.wait([call])
        recognizer.gate.set()
        await it.runs.drain()
    [line] = [record for record in caplog.records if record.getMessage() == "analysis_ended_late"]
    assert (line.__dict__["status"], line.__dict__["code"]) == ("ANALYZED", None)


async def test_a_fault_after_the_caller_left_is_no_outcome(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recognizer = Recognizer(error=RuntimeError("bug"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it:
        call = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, PHOTO))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        call.cancel()
        await asyncio.wait([call])
        recognizer.gate.set()
        await it.runs.drain()
    assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]
    assert "analysis_ended_late" not in caplog.text


@pytest.mark.parametrize("same_process", [True, False])
async def test_no_request_waits_for_an_analysis_beyond_its_deadline(same_process: bool) -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it, kitchen(Recognizer(), ledger=it.ledger) as elsewhere:
        first = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, KEYED))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        there = it if same_process else elsewhere
        with pytest.raises(ServiceUnavailable, match="still in progress"):
            await there.commands.analyze_meal_photo(ALICE, KEYED, Deadline.after(1))
        recognizer.gate.set()
        assert (await first).meal.status is MealStatus.ANALYZED


async def test_an_analysis_takes_no_longer_than_its_request() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer, deadline=60) as it:
        with suppress(ServiceUnavailable):  # the caller is told the outcome if it is recorded in time
            await it.commands.analyze_meal_photo(ALICE, PHOTO, Deadline.after(1))
        await it.runs.drain()
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]


async def test_a_failed_analysis_returns_a_failed_meal_with_its_error() -> None:
    async with kitchen(Recognizer(error=AnalysisRefused("The photo was declined."))) as it:
        outcome = await it.commands.analyze_meal_photo(ALICE, PHOTO)
        assert outcome.meal.status is MealStatus.FAILED
        assert outcome.error is not None
        assert (outcome.error.code, outcome.error.message) == (
            ErrorCode.ANALYSIS_REFUSED, "The photo was declined.",
        )  # fmt: skip
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]


async def test_one_deadline_covers_the_whole_analysis() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer, deadline=0.05) as it:
        outcome = await it.commands.analyze_meal_photo(ALICE, PHOTO)
        assert outcome.error is not None
        assert outcome.error.code is ErrorCode.SERVICE_UNAVAILABLE
        assert outcome.meal.status is MealStatus.FAILED


async def test_a_fault_of_ours_fails_the_meal_and_is_raised() -> None:
    async with kitchen(Recognizer(error=RuntimeError("bug"))) as it:
        with pytest.raises(RuntimeError, match="bug"):
            await it.commands.analyze_meal_photo(ALICE, PHOTO)
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]


async def test_a_duplicate_request_returns_the_same_meal() -> None:
    async with kitchen() as it:
        first = await it.commands.analyze_meal_photo(ALICE, KEYED)
        again = await it.commands.analyze_meal_photo(ALICE, KEYED)
        assert again == structs.replace(first, report=None)
        assert len(it.recognizer.calls) == 1
        assert len(it.topics()) == 2


async def test_a_duplicate_of_a_failed_request_fails_alike() -> None:
    recognizer = Recognizer(error=AnalysisRefused("The photo was declined."))
    async with kitchen(recognizer) as it:
        first = await it.commands.analyze_meal_photo(ALICE, KEYED)
        recognizer.error = None
        again = await it.commands.analyze_meal_photo(ALICE, KEYED)
        assert again.meal == first.meal
        assert again.error is not None
        assert again.error.code is ErrorCode.ANALYSIS_REFUSED
        assert len(recognizer.calls) == 1


@pytest.mark.parametrize("same_process", [True, False])
async def test_duplicate_requests_share_one_outcome(same_process: bool) -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it, kitchen(Recognizer(), ledger=it.ledger) as elsewhere:
        first = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, KEYED))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        there = it if same_process else elsewhere
        duplicate = asyncio.create_task(there.commands.analyze_meal_photo(ALICE, KEYED))
        done, _ = await asyncio.wait([duplicate], timeout=0.05)
        assert not done
        recognizer.gate.set()
        assert (await duplicate).meal == (await first).meal
        assert len(recognizer.calls) == 1
        assert elsewhere.recognizer.calls == []


async def test_a_duplicate_request_does_not_wait_for_ever() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it, kitchen(ledger=it.ledger, deadline=0.05) as elsewhere:
        first = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, KEYED))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        # The duplicate's own clock stands still, so that the analysis is not stale to it.
        start = now()
        elsewhere.runs._clock = lambda: start
        outcome = await elsewhere.commands.analyze_meal_photo(ALICE, KEYED)
        assert outcome.meal.status is MealStatus.ANALYZING
        assert outcome.error is not None
        assert outcome.error.code is ErrorCode.SERVICE_UNAVAILABLE
        recognizer.gate.set()
        await first


async def test_a_duplicate_request_fails_a_stale_analysis() -> None:
    later = now() + timedelta(seconds=11)
    async with kitchen() as it, kitchen(ledger=it.ledger, clock=lambda: later) as elsewhere:
        await cut_off(it)
        outcome = await elsewhere.commands.analyze_meal_photo(ALICE, KEYED)
        assert outcome.meal.status is MealStatus.FAILED
