"""The threads before the store: a bounded queue, and nothing begins after the deadline of its request."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError

from ledger import (
    NO_DEADLINE,
    Actor,
    Deadline,
    Meal,
    MealLedger,
    MealRepository,
    MealType,
    ServiceUnavailable,
)
from ledger.local_day import now
from ledger.validation import check_timing

TIMED_OUT = 10


def a_meal() -> Meal:
    at = now()
    return Meal.request_analysis(
        uuid4(),
        actor=Actor(user_id="alice", correlation_id="request-1"),
        photo_url="https://example.com/test.jpg",
        dish_hint=None,
        timing=check_timing(meal_type=MealType.LUNCH, eaten_at=at, time_zone="UTC", at=at),
        fingerprint="f",
    )


class Threads:
    """A repository of one thread, which the store can be made to keep."""

    def __init__(self, ledger: MealLedger, queue: int) -> None:
        self.ledger = ledger
        self.meals = MealRepository(ledger, threads=1, queue=queue)
        self.goes_on = threading.Event()
        self._kept = threading.Event()

    async def keep(self) -> "asyncio.Task[int]":
        """A read that has the thread until `goes_on`."""

        def wait() -> None:
            self._kept.set()
            assert self.goes_on.wait(TIMED_OUT)

        self.ledger.recorder.max_notification_id = wait  # type: ignore[method-assign] # in this instance only
        reading = asyncio.create_task(self.meals.last_position())
        assert await asyncio.to_thread(self._kept.wait, TIMED_OUT)
        return reading

    def appended(self) -> int:
        return len(self.ledger.recorder.select_notifications(1, 10))


@asynccontextmanager
async def one_thread(queue: int = 10) -> AsyncIterator[Threads]:
    made = Threads(MealLedger(env={"PERSISTENCE_MODULE": "eventsourcing.popo"}), queue)
    try:
        yield made
    finally:
        made.goes_on.set()
        await asyncio.to_thread(made.meals.close)


async def test_a_full_queue_refuses_at_once() -> None:
    async with one_thread(queue=1) as it:
        reading = await it.keep()
        queued = [asyncio.create_task(it.meals.append(a_meal(), Deadline.after(60))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable, match="Too many"):
            await it.meals.append(a_meal(), Deadline.after(60))
        it.goes_on.set()
        assert await reading == 0
        assert sorted(await asyncio.gather(*queued)) == [1, 2]
        assert await it.meals.append(a_meal(), Deadline.after(60)) == 3


async def test_a_full_queue_takes_what_is_no_requests_own() -> None:
    async with one_thread(queue=0) as it:
        reading = await it.keep()
        queued = [asyncio.create_task(it.meals.append(a_meal(), Deadline.after(60)))]
        await asyncio.sleep(0)
        queued.append(asyncio.create_task(it.meals.append(a_meal())))
        await asyncio.sleep(0)
        it.goes_on.set()
        await reading
        assert sorted(await asyncio.gather(*queued)) == [1, 2]


async def test_queued_work_is_refused_at_its_deadline() -> None:
    async with one_thread() as it:
        reading = await it.keep()
        with pytest.raises(ServiceUnavailable, match="waited too long"):
            await it.meals.append(a_meal(), Deadline.after(0.01))
        it.goes_on.set()
        await reading
        assert it.appended() == 0


async def test_work_whose_caller_left_the_queue_never_begins() -> None:
    async with one_thread() as it:
        reading, deadline = await it.keep(), Deadline.after(60)
        queued = asyncio.create_task(it.meals.append(a_meal(), deadline))
        await asyncio.sleep(0)
        deadline.give_up()
        it.goes_on.set()
        with pytest.raises(ServiceUnavailable, match="waited too long"):
            await queued
        await reading
        assert it.appended() == 0


async def test_a_read_is_waited_for_until_its_deadline() -> None:
    async with one_thread() as it:
        reading = await it.keep()
        it.goes_on.set()
        await reading
        it.goes_on.clear()
        with pytest.raises(ServiceUnavailable, match="cannot be reached"):
            await it.meals.last_position(Deadline.after(0.5))


async def test_the_store_gets_what_is_left_of_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async with one_thread() as it:
        save, given = it.ledger.save, list[dict[str, object]]()

        def note(*events: object, **how: object) -> object:
            given.append(how)
            return save(*events)  # type: ignore[arg-type] # handed on

        monkeypatch.setattr(it.ledger, "save", note)
        await it.meals.append(a_meal(), Deadline.after(60))
        await it.meals.append(a_meal(), NO_DEADLINE)
        (bounded, unbounded) = given
        assert isinstance(bounded["timeout"], float)
        assert 0 < bounded["timeout"] <= 60
        assert unbounded == {}


class InDoubt(OperationalError):
    append_id = UUID(int=1)


async def test_an_append_in_doubt_is_not_retried_past_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with one_thread() as it:
        deadline, asked = Deadline.after(60), []

        def never_answer(*_: object, **how: object) -> None:
            asked.append(how)
            deadline.give_up()
            raise InDoubt

        monkeypatch.setattr(it.ledger, "save", never_answer)
        with pytest.raises(ServiceUnavailable, match="cannot be reached"):
            await it.meals.append(a_meal(), deadline)
        assert len(asked) == 1
