"""The commands, over a store in memory: what each answers, what it refuses, and that nothing is half done."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, MapperDeserialisationError, OperationalError
from msgspec import UNSET, structs

from ledger import (
    TOPICS,
    AnalysisRefused,
    AnalyzeMealPhoto,
    ConfirmMealAnalysis,
    Conflict,
    Deadline,
    DeleteMeal,
    EntryAmount,
    ErrorCode,
    IdempotencyConflict,
    InvalidArgument,
    InvalidState,
    LedgerError,
    Meal,
    MealLedger,
    MealNotFound,
    MealStatus,
    MealType,
    RequestContext,
    ServiceUnavailable,
    UpdateMeal,
)
from ledger.analysis import MealAnalysis
from ledger.command_handlers import CommandHandlers
from ledger.local_day import now
from ledger.repository import MealRepository
from ledger.stale_analyses import StaleAnalysisSweep
from tests.ledger.ports import Recognizer, food, usda

ALICE = RequestContext(user_id="alice", correlation_id="request-1")
BOB = RequestContext(user_id="bob", correlation_id="request-2")
PHOTO = AnalyzeMealPhoto(photo_url="https://example.com/test.jpg")
KEYED = structs.replace(PHOTO, idempotency_key="key-1")


class Kitchen:
    """Handlers with everything behind them within reach."""

    def __init__(
        self,
        recognizer: Recognizer | None = None,
        *,
        ledger: MealLedger | None = None,
        deadline: float = 5.0,
        clock: Callable[[], datetime] = now,
        local: bool = False,
    ) -> None:
        self.ledger = ledger or MealLedger(env={"PERSISTENCE_MODULE": "eventsourcing.popo"})
        self.recognizer = recognizer or Recognizer(food("rice", 150), food("chicken", 120))
        self.meals = MealRepository(self.ledger, threads=2)
        self.commands = CommandHandlers(
            self.meals,
            MealAnalysis(self.recognizer, [usda()]),
            deadline=timedelta(seconds=deadline),
            local_environment=local,
            clock=clock,
        )

    def topics(self) -> list[str]:
        return [notification.topic for notification in self.ledger.recorder.select_notifications(1, 1000)]


@asynccontextmanager
async def kitchen(recognizer: Recognizer | None = None, **settings: object) -> AsyncIterator[Kitchen]:
    made = Kitchen(recognizer, **settings)  # type: ignore[arg-type] # handed on as they are
    try:
        yield made
        await made.commands.drain()
    finally:
        made.meals.close()


async def test_a_photo_becomes_a_proposed_meal() -> None:
    async with kitchen() as it:
        before = now()
        outcome = await it.commands.analyze_meal_photo(ALICE, structs.replace(PHOTO, dish_hint="  lunch "))
        assert (outcome.meal.status, outcome.error, outcome.position) == (MealStatus.ANALYZED, None, 2)
        assert [entry.name for entry in outcome.meal.entries] == ["rice", "chicken"]
        assert it.recognizer.calls == [(PHOTO.photo_url, "lunch", "alice")]
        assert before <= outcome.meal.eaten_at <= now()
        assert outcome.meal.time_zone == "UTC"
        assert it.topics() == ["MealAnalysisRequested", "MealAnalyzed"]


async def test_the_request_is_in_the_log_before_the_model_is_called() -> None:
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
        await it.commands.drain()
        assert it.topics() == ["MealAnalysisRequested", "MealAnalyzed"]


async def test_a_request_whose_caller_has_left_leaves_no_trace() -> None:
    async with kitchen() as it:
        with pytest.raises(ServiceUnavailable):
            await it.commands.analyze_meal_photo(structs.replace(ALICE, deadline=Deadline.after(0)), KEYED)
        assert it.topics() == []


async def test_a_caller_who_leaves_during_the_append_costs_no_call_of_the_model(
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
            await it.commands.analyze_meal_photo(structs.replace(ALICE, deadline=deadline), PHOTO)
        await it.commands.drain()
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]
        assert it.recognizer.calls == []


@pytest.mark.parametrize("same_process", [True, False])
async def test_nobody_waits_for_an_analysis_beyond_the_deadline_of_the_request(same_process: bool) -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it, kitchen(Recognizer(), ledger=it.ledger) as elsewhere:
        first = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, KEYED))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        there = it if same_process else elsewhere
        with pytest.raises(ServiceUnavailable, match="still in progress"):
            await there.commands.analyze_meal_photo(structs.replace(ALICE, deadline=Deadline.after(1)), KEYED)
        recognizer.gate.set()
        assert (await first).meal.status is MealStatus.ANALYZED


async def test_an_analysis_takes_no_longer_than_its_request() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer, deadline=60) as it:
        with suppress(ServiceUnavailable):  # the caller is told the outcome if it is recorded in time
            await it.commands.analyze_meal_photo(structs.replace(ALICE, deadline=Deadline.after(1)), PHOTO)
        await it.commands.drain()
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"photo_url": "http://example.com/a.jpg"}, "photoUrl"),
        ({"dish_hint": "x" * 501}, "dishHint"),
        ({"dish_hint": "\ud800"}, "dishHint"),
        ({"idempotency_key": ""}, "idempotencyKey"),
        ({"idempotency_key": " "}, "idempotencyKey"),
        ({"idempotency_key": "x" * 256}, "idempotencyKey"),
        ({"time_zone": ""}, "timeZone"),
        ({"time_zone": "Etc/GMT+5"}, "timeZone"),
        ({"eaten_at": now() + timedelta(hours=1)}, "eatenAt"),
    ],
)
async def test_a_bad_argument_is_refused_and_no_meal_comes_to_be(
    change: dict[str, object], field: str
) -> None:
    async with kitchen() as it:
        with pytest.raises(InvalidArgument) as refused:
            await it.commands.analyze_meal_photo(ALICE, structs.replace(PHOTO, **change))
        assert refused.value.field == field
        assert it.topics() == []
        assert it.recognizer.calls == []


async def test_the_local_environment_takes_local_photos() -> None:
    async with kitchen(local=True) as it:
        local = structs.replace(PHOTO, photo_url="http://localhost:9000/a.jpg")
        assert (await it.commands.analyze_meal_photo(ALICE, local)).error is None


async def test_a_failed_analysis_is_a_meal_that_says_why() -> None:
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


async def test_the_same_key_and_request_is_the_same_meal_and_one_call_of_the_model() -> None:
    async with kitchen() as it:
        first = await it.commands.analyze_meal_photo(ALICE, KEYED)
        again = await it.commands.analyze_meal_photo(ALICE, KEYED)
        assert again == first
        assert len(it.recognizer.calls) == 1
        assert len(it.topics()) == 2


async def test_the_same_key_for_a_different_request_is_a_conflict() -> None:
    async with kitchen() as it:
        await it.commands.analyze_meal_photo(ALICE, KEYED)
        with pytest.raises(IdempotencyConflict):
            await it.commands.analyze_meal_photo(ALICE, structs.replace(KEYED, dish_hint="soup"))
        assert len(it.topics()) == 2


async def test_a_key_is_one_users_own() -> None:
    async with kitchen() as it:
        first = await it.commands.analyze_meal_photo(ALICE, KEYED)
        other = await it.commands.analyze_meal_photo(BOB, KEYED)
        assert first.meal.id != other.meal.id


async def test_without_a_key_every_call_is_a_new_meal() -> None:
    async with kitchen() as it:
        first, second = [await it.commands.analyze_meal_photo(ALICE, PHOTO) for _ in range(2)]
        assert first.meal.id != second.meal.id


async def test_a_failed_request_is_answered_as_failed_again() -> None:
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
async def test_twins_share_one_outcome(same_process: bool) -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it, kitchen(Recognizer(), ledger=it.ledger) as elsewhere:
        first = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, KEYED))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        there = it if same_process else elsewhere
        twin = asyncio.create_task(there.commands.analyze_meal_photo(ALICE, KEYED))
        done, _ = await asyncio.wait([twin], timeout=0.05)
        assert not done
        recognizer.gate.set()
        assert (await twin).meal == (await first).meal
        assert len(recognizer.calls) == 1
        assert elsewhere.recognizer.calls == []


async def test_a_twin_does_not_wait_for_ever() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    async with kitchen(recognizer) as it, kitchen(ledger=it.ledger, deadline=0.05) as elsewhere:
        first = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, KEYED))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        # The twin's own clock stands still, so that the analysis is not stale to it.
        start = now()
        elsewhere.commands._runs._clock = lambda: start
        outcome = await elsewhere.commands.analyze_meal_photo(ALICE, KEYED)
        assert outcome.meal.status is MealStatus.ANALYZING
        assert outcome.error is not None
        assert outcome.error.code is ErrorCode.SERVICE_UNAVAILABLE
        recognizer.gate.set()
        await first


class Found:
    """A finder that has found these meals, and remembers what it was asked."""

    def __init__(self, *meal_ids: str) -> None:
        self.meal_ids = meal_ids
        self.asked: list[datetime] = []

    async def stale_analyses(self, older_than: datetime, limit: int) -> list[str]:
        self.asked.append(older_than)
        return list(self.meal_ids[:limit])


async def cut_off(it: Kitchen) -> str:
    """A meal whose analysis a crash cut off, as the log has it."""
    meal = it.commands._requested(ALICE, KEYED)
    await it.meals.append(meal)
    return str(meal.id)


async def test_an_analysis_cut_off_is_settled_once_whoever_sweeps() -> None:
    later = now() + timedelta(seconds=11)
    async with (
        kitchen() as it,
        kitchen(ledger=it.ledger, clock=lambda: later) as one,
        kitchen(ledger=it.ledger, clock=lambda: later) as two,
    ):
        meal_id = await cut_off(it)
        finder = Found(meal_id)
        sweeps = [
            StaleAnalysisSweep(finder, there.commands, deadline=timedelta(seconds=5), clock=lambda: later)
            for there in (one, two)
        ]
        assert sum(await asyncio.gather(*(sweep.once() for sweep in sweeps))) == 1
        assert finder.asked == [later - timedelta(seconds=10)] * 2
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]
        again = await it.commands.analyze_meal_photo(ALICE, KEYED)
        assert again.meal.status is MealStatus.FAILED
        assert again.error is not None
        assert again.error.code is ErrorCode.SERVICE_UNAVAILABLE


async def test_a_stream_that_cannot_be_read_keeps_no_other_from_being_settled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    later = now() + timedelta(seconds=11)
    async with kitchen() as it, kitchen(ledger=it.ledger, clock=lambda: later) as sweeper:
        good = await cut_off(it)
        sweep = StaleAnalysisSweep(
            Found("no meal", good), sweeper.commands, deadline=timedelta(seconds=5), clock=lambda: later
        )
        assert await sweep.once() == 1
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]
    assert "stale_analysis_not_settled" in caplog.text


async def test_a_store_that_is_down_ends_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    async with kitchen() as it:

        def save(*_: object) -> None:
            raise OperationalError("no primary")

        later = now() + timedelta(seconds=11)
        async with kitchen(ledger=it.ledger, clock=lambda: later) as sweeper:
            meal_id = await cut_off(it)
            monkeypatch.setattr(it.ledger, "save", save)
            finder = Found(meal_id, meal_id)
            with pytest.raises(LedgerError, match="cannot be reached"):
                await StaleAnalysisSweep(finder, sweeper.commands, deadline=timedelta(seconds=5)).once()


async def test_a_note_does_not_move_a_meal_whatever_became_of_its_zone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal

        def unknown(name: str) -> object:
            raise InvalidArgument(f"no zone {name}", field="timeZone")

        monkeypatch.setattr("ledger.local_day.time_zone", unknown)
        noted = await it.commands.update_meal(ALICE, UpdateMeal(meal_id=meal.id, notes="n"))
        assert (noted.meal.local_date, noted.meal.notes) == (meal.local_date, "n")


async def test_a_deleted_meal_is_answered_without_what_was_removed() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, KEYED)).meal
        deleted = (await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))).meal
        assert (deleted.photo_url, deleted.dish_name, deleted.entries) == (None, None, ())
        assert (await it.commands.analyze_meal_photo(ALICE, KEYED)).meal == deleted


async def test_a_sweep_leaves_a_young_analysis_alone() -> None:
    async with kitchen() as it:
        assert await it.commands.settle_stale(await cut_off(it)) is False
        assert it.topics() == ["MealAnalysisRequested"]


async def test_two_that_settle_at_once_do_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    later = now() + timedelta(seconds=11)
    async with kitchen(clock=lambda: later) as it:
        meal_id = await cut_off(it)
        append = it.meals.append

        async def beaten(meal: object) -> int:
            monkeypatch.setattr(it.meals, "append", append)
            assert await it.commands.settle_stale(meal_id) is True
            return await append(meal)  # type: ignore[arg-type] # handed on

        monkeypatch.setattr(it.meals, "append", beaten)
        assert await it.commands.settle_stale(meal_id) is False
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]


async def test_a_twin_settles_what_a_crash_cut_off() -> None:
    later = now() + timedelta(seconds=11)
    async with kitchen() as it, kitchen(ledger=it.ledger, clock=lambda: later) as elsewhere:
        await cut_off(it)
        outcome = await elsewhere.commands.analyze_meal_photo(ALICE, KEYED)
        assert outcome.meal.status is MealStatus.FAILED


async def test_an_outcome_that_comes_after_the_settlement_does_not_change_it() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    later = now() + timedelta(seconds=11)
    async with kitchen(recognizer) as it, kitchen(ledger=it.ledger, clock=lambda: later) as sweeper:
        call = asyncio.create_task(it.commands.analyze_meal_photo(ALICE, PHOTO))
        await asyncio.wait_for(recognizer.started.wait(), 5)
        (requested,) = it.ledger.recorder.select_notifications(1, 10)
        assert await sweeper.commands.settle_stale(str(requested.originator_id)) is True
        recognizer.gate.set()
        assert (await call).meal.status is MealStatus.FAILED
        assert it.topics() == ["MealAnalysisRequested", "MealAnalysisFailed"]


async def test_a_sweep_that_fails_is_followed_by_the_next(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Found):
        asked_thrice = asyncio.Event()

        async def stale_analyses(self, older_than: datetime, limit: int) -> list[str]:
            await super().stale_analyses(older_than, limit)
            if len(self.asked) == 3:
                self.asked_thrice.set()
            raise RuntimeError("no database")

    finder = Broken()
    async with kitchen() as it:
        sweep = StaleAnalysisSweep(finder, it.commands, deadline=timedelta(seconds=5))
        sweeping = asyncio.create_task(sweep.forever(timedelta(milliseconds=1)))
        await asyncio.wait_for(finder.asked_thrice.wait(), 5)
        sweeping.cancel()
        await asyncio.wait([sweeping])
    assert "stale_analysis_sweep_failed" in caplog.text


async def test_confirming_counts_what_was_kept_and_what_was_rejected() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        confirm = ConfirmMealAnalysis(meal_id=meal.id, confirmed_entry_ids=(meal.entries[0].id,))
        outcome = await it.commands.confirm_meal_analysis(ALICE, confirm)
        assert (outcome.confirmed_count, outcome.rejected_count, outcome.position) == (1, 1, 3)
        assert await it.commands.confirm_meal_analysis(ALICE, confirm) == outcome


async def test_updating_changes_what_is_given_and_nothing_else() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        rice = meal.entries[0]

        async def update(**change: object) -> object:
            command = structs.replace(UpdateMeal(meal_id=meal.id), **change)
            return (await it.commands.update_meal(ALICE, command)).meal

        assert await update() == meal
        noted = await update(notes=" tasty ")
        assert noted == structs.replace(meal, notes="tasty", updated_at=noted.updated_at)  # type: ignore[attr-defined]
        typed = await update(meal_type=MealType.SNACK)
        assert (typed.meal_type, typed.notes) == (MealType.SNACK, "tasty")  # type: ignore[attr-defined]
        day_before = meal.eaten_at - timedelta(days=1)
        moved = await update(eaten_at=day_before, time_zone="Pacific/Tongatapu")
        assert moved.eaten_at == day_before  # type: ignore[attr-defined]
        assert moved.time_zone == "Pacific/Tongatapu"  # type: ignore[attr-defined]
        assert moved.meal_type is MealType.SNACK  # type: ignore[attr-defined]
        scaled = await update(entries=(EntryAmount(entry_id=rice.id, quantity_g=75.0001),))
        assert scaled.entries[0].quantity_g == 75  # type: ignore[attr-defined]
        assert (await update(notes=None)).notes is None  # type: ignore[attr-defined]
        assert UpdateMeal(meal_id=meal.id).notes is UNSET


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"notes": "x" * 2001}, "notes"),
        ({"notes": "\udfff"}, "notes"),
        ({"time_zone": "Factory"}, "timeZone"),
        ({"eaten_at": now() + timedelta(days=2)}, "eatenAt"),
        ({"entries": (EntryAmount(entry_id="a", quantity_g=0),)}, "entries"),
        ({"entries": (EntryAmount(entry_id="a", quantity_g=-1),)}, "entries"),
        ({"entries": (EntryAmount(entry_id="a", quantity_g=1e9),)}, "entries"),
        ({"entries": (EntryAmount(entry_id="a", quantity_g=float("nan")),)}, "entries"),
        ({"entries": (EntryAmount(entry_id="a", quantity_g=1),) * 2}, "entries"),
        ({"entries": (EntryAmount(entry_id="a", quantity_g=1),)}, "entries"),
    ],
)
async def test_a_bad_update_is_refused_and_nothing_changes(change: dict[str, object], field: str) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        with pytest.raises(LedgerError) as refused:
            await it.commands.update_meal(
                ALICE, structs.replace(UpdateMeal(meal_id=meal.id, notes="n"), **change)
            )
        assert refused.value.field == field
        assert len(it.topics()) == 2


async def test_deleting_twice_is_refused_the_second_time() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        outcome = await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))
        assert outcome.meal.status is MealStatus.DELETED
        with pytest.raises(InvalidState):
            await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))


@pytest.mark.parametrize("whose", ["nobody's", "another's"])
async def test_a_meal_that_is_not_ones_own_is_not_there(whose: str) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(BOB, PHOTO)).meal
        meal_id = meal.id if whose == "another's" else str(uuid4())
        entry_ids = (meal.entries[0].id,)
        for attempt in (
            it.commands.confirm_meal_analysis(
                ALICE, ConfirmMealAnalysis(meal_id=meal_id, confirmed_entry_ids=entry_ids)
            ),
            it.commands.update_meal(ALICE, UpdateMeal(meal_id=meal_id, notes="mine")),
            it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal_id)),
        ):
            with pytest.raises(MealNotFound) as refused:
                await attempt
            assert (refused.value.message, refused.value.field) == ("There is no such meal.", "mealId")
        assert len(it.topics()) == 2


@pytest.mark.parametrize("meal_id", ["", "x", "123", "\0", "{" * 300])
async def test_a_meal_id_that_is_none_is_a_bad_argument(meal_id: str) -> None:
    async with kitchen() as it:
        with pytest.raises(InvalidArgument) as refused:
            await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal_id))
        assert refused.value.field == "mealId"


async def test_a_command_is_decided_anew_when_the_meal_changed_meanwhile() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        updates = [
            it.commands.update_meal(ALICE, UpdateMeal(meal_id=meal.id, notes=f"note {n}")) for n in range(4)
        ]
        outcomes = await asyncio.gather(*updates)
        assert sorted(outcome.position for outcome in outcomes) == [3, 4, 5, 6]


async def test_a_meal_that_never_stands_still_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        tries = []

        def save(*_: object) -> None:
            tries.append(1)
            raise IntegrityError("version taken")

        monkeypatch.setattr(it.ledger, "save", save)
        with pytest.raises(Conflict):
            await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))
        assert len(tries) == 8


async def test_a_store_that_is_down_is_an_expected_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async with kitchen() as it:

        def save(*_: object) -> None:
            raise OperationalError("no primary at mongodb://secret@host")

        monkeypatch.setattr(it.ledger, "save", save)
        with pytest.raises(LedgerError) as refused:
            await it.commands.analyze_meal_photo(ALICE, PHOTO)
        assert refused.value.code is ErrorCode.SERVICE_UNAVAILABLE
        assert "secret" not in refused.value.message
        assert it.recognizer.calls == []


async def test_a_stream_that_cannot_be_read_is_a_fault_and_not_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        monkeypatch.delitem(TOPICS, "MealAnalyzed")
        with pytest.raises(MapperDeserialisationError, match=meal.id):
            await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))


class Unknown(OperationalError):
    """What a store raises that does not know in time whether an append took place."""

    def __init__(self) -> None:
        super().__init__("no answer in time")
        self.append_id = uuid4()


@pytest.mark.parametrize("lost_answers", [1, 2])
async def test_an_append_whose_outcome_is_unknown_is_asked_for_once_more_by_its_id(
    monkeypatch: pytest.MonkeyPatch, lost_answers: int
) -> None:
    async with kitchen() as it:
        save = it.ledger.save
        asked: list[dict[str, object]] = []

        def lose_the_answer(*events: object, **identity: object) -> object:
            asked.append(identity)
            if len(asked) <= lost_answers:
                raise Unknown
            return save(*events)  # type: ignore[arg-type] # handed on

        monkeypatch.setattr(it.ledger, "save", lose_the_answer)
        if lost_answers == 1:
            assert (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal.status is MealStatus.ANALYZED
        else:
            with pytest.raises(LedgerError) as refused:
                await it.commands.analyze_meal_photo(ALICE, PHOTO)
            assert refused.value.code is ErrorCode.SERVICE_UNAVAILABLE
        assert asked[0] == {}
        assert set(asked[1]) == {"append_id"}
