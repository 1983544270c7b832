"""The limits of analyses: each person has so many an hour and so many at once, and no other person notices."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ledger import AnalysisLimits, MealStatus, RateLimited, ServiceUnavailable
from ledger.analysis_limits import Admission
from tests.clock import Clock
from tests.ledger.kitchen import ALICE, BOB, KEYED, PHOTO, kitchen
from tests.ledger.ports import Recognizer, food


def test_one_more_than_the_hourly_limit_is_refused() -> None:
    clock = Clock()
    limits = AnalysisLimits(per_hour=2, at_once=None, clock=clock)
    limits.admit("alice")
    clock.now += 600
    limits.admit("alice")
    with pytest.raises(
        RateLimited, match=r"2 analyses an hour is reached\. Please try again in 50 minutes"
    ) as refused:
        limits.admit("alice")
    assert refused.value.retry_after == 3000
    limits.admit("bob")
    clock.now += 3000
    limits.admit("alice")


@pytest.mark.parametrize(("limit", "said"), [(1, "An analysis of yours is"), (3, "3 analyses of yours are")])
def test_one_more_than_may_be_under_way_is_refused(limit: int, said: str) -> None:
    limits = AnalysisLimits(at_once=limit)
    admitted = [limits.admit("alice") for _ in range(limit)]
    with pytest.raises(RateLimited, match=said) as refused:
        limits.admit("alice")
    assert refused.value.retry_after is not None
    limits.end(admitted[0])
    limits.admit("alice")


def test_the_wait_that_is_told_is_never_too_short() -> None:
    clock = Clock()
    limits = AnalysisLimits(per_hour=1, clock=clock)
    limits.admit("alice")
    clock.now += 3590
    with pytest.raises(RateLimited, match="in 1 minute"):
        limits.admit("alice")
    clock.now += 10
    limits.admit("alice")


def test_an_admission_withdrawn_after_an_hour_counts_once() -> None:
    clock = Clock()
    limits = AnalysisLimits(per_hour=1, clock=clock)
    first = limits.admit("alice")
    clock.now += 3600
    second = limits.admit("alice")
    limits.withdraw(first)
    limits.withdraw(second)
    limits.admit("alice")


@given(
    st.lists(st.sampled_from(["admit", "end", "withdraw", "wait"]), max_size=60),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_no_more_are_admitted_than_counting_allows(steps: list[str], per_hour: int, at_once: int) -> None:
    clock = Clock()
    limits = AnalysisLimits(per_hour=per_hour, at_once=at_once, clock=clock)
    under_way: list[Admission] = []
    starts: list[Admission] = []
    for step in steps:
        if step == "wait":
            clock.now += 900
        elif step == "admit":
            counted = [start for start in starts if start.at > clock.now - 3600]
            allowed = len(counted) < per_hour and len(under_way) < at_once
            try:
                admission = limits.admit("alice")
            except RateLimited:
                assert not allowed
            else:
                assert allowed
                under_way.append(admission)
                starts.append(admission)
        elif under_way:
            admission = under_way.pop(0)
            if step == "end":
                limits.end(admission)
            else:
                limits.withdraw(admission)
                starts.remove(admission)


async def test_a_refused_analysis_leaves_no_trace_in_the_log() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer, limits=AnalysisLimits(at_once=1)) as it:
        first = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, PHOTO))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        for command in (PHOTO, KEYED):
            with pytest.raises(RateLimited):
                await it.commands.analyze_meal_photo(ALICE, command)
        assert it.topics() == ["MealAnalysisRequested"]
        recognizer.gate.set()
        await first
        assert (await it.commands.analyze_meal_photo(ALICE, KEYED)).meal.status is MealStatus.ANALYZED


async def test_a_caller_who_left_still_has_an_analysis_under_way() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer, limits=AnalysisLimits(at_once=1)) as it:
        first = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, PHOTO))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        first.cancel()
        with pytest.raises(RateLimited):
            await it.commands.analyze_meal_photo(ALICE, PHOTO)
        recognizer.gate.set()
        assert (await it.commands.analyze_meal_photo(BOB, PHOTO)).meal.status is MealStatus.ANALYZED


async def test_the_same_request_again_counts_against_no_limit() -> None:
    async with kitchen(limits=AnalysisLimits(per_hour=2)) as it:
        first = await it.commands.analyze_meal_photo(ALICE, KEYED)
        again = await it.commands.analyze_meal_photo(ALICE, KEYED)
        await it.commands.analyze_meal_photo(ALICE, PHOTO)
        at_the_limit = await it.commands.analyze_meal_photo(ALICE, KEYED)
        assert first.meal.id == again.meal.id == at_the_limit.meal.id
        with pytest.raises(RateLimited):
            await it.commands.analyze_meal_photo(ALICE, structs.replace(KEYED, idempotency_key="key-2"))


async def test_a_request_that_could_not_be_recorded_counts_against_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with kitchen(limits=AnalysisLimits(per_hour=1)) as it:

        async def unreachable(*_: object) -> int:
            raise ServiceUnavailable("The diary cannot be reached at the moment. Please try again.")

        with monkeypatch.context() as broken:
            broken.setattr(it.meals, "append", unreachable)
            with pytest.raises(ServiceUnavailable):
                await it.commands.analyze_meal_photo(ALICE, PHOTO)
        await it.commands.analyze_meal_photo(ALICE, PHOTO)
