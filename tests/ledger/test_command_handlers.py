"""The commands over a store in memory: their outcomes, their errors, and the events that they append."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, MapperDeserialisationError, OperationalError
from msgspec import UNSET, structs

from ledger import (
    TOPICS,
    Actor,
    AnalysisRefused,
    AnalysisRuns,
    AnalyzeMealPhoto,
    CommandHandlers,
    ConfirmMealAnalysis,
    Conflict,
    DeleteMeal,
    EntryAmount,
    ErrorCode,
    IdempotencyConflict,
    InvalidArgument,
    InvalidState,
    LedgerError,
    MealAnalysis,
    MealLedger,
    MealNotFound,
    MealRepository,
    MealStatus,
    MealType,
    StaleAnalysisSweep,
    UpdateMeal,
)
from ledger.local_day import now
from tests.ledger.ports import Recognizer, food, usda

ALICE = Actor(user_id="alice", correlation_id="request-1")
BOB = Actor(user_id="bob", correlation_id="request-2")
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
        self.runs = AnalysisRuns(
            self.meals,
            MealAnalysis(self.recognizer, [usda()]),
            deadline=timedelta(seconds=deadline),
            clock=clock,
        )
        self.commands = CommandHandlers(self.meals, self.runs, local_environment=local, clock=clock)

    def topics(self) -> list[str]:
        return [notification.topic for notification in self.ledger.recorder.select_notifications(1, 1000)]


@asynccontextmanager
async def kitchen(recognizer: Recognizer | None = None, **settings: object) -> AsyncIterator[Kitchen]:
    made = Kitchen(recognizer, **settings)  # type: ignore[arg-type] # handed on as they are
    try:
        yield made
        await made.runs.drain()
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
async def test_a_bad_argument_appends_nothing(change: dict[str, object], field: str) -> None:
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


class Found:
    """A finder that has found these meals, and remembers what it was asked."""

    def __init__(self, *meal_ids: str) -> None:
        self.meal_ids = meal_ids
        self.asked: list[datetime] = []

    async def stale_analyses(self, older_than: datetime, limit: int) -> list[str]:
        self.asked.append(older_than)
        return list(self.meal_ids[:limit])


async def cut_off(it: Kitchen) -> UUID:
    """A meal whose analysis a crash cut off, as the log has it."""
    meal = it.commands._requested(ALICE, KEYED)
    await it.meals.append(meal)
    return meal.id


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


async def test_a_note_leaves_the_local_date_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal

        def unknown(name: str) -> object:
            raise InvalidArgument(f"no zone {name}", field="timeZone")

        monkeypatch.setattr("ledger.local_day.time_zone", unknown)
        noted = await it.commands.update_meal(ALICE, UpdateMeal(meal_id=meal.id, notes="n"))
        assert (noted.meal.local_date, noted.meal.notes) == (meal.local_date, "n")


async def test_a_deleted_meal_is_returned_redacted() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, KEYED)).meal
        deleted = (await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))).meal
        assert (deleted.photo_url, deleted.dish_name, deleted.entries) == (None, None, ())
        assert (await it.commands.analyze_meal_photo(ALICE, KEYED)).meal == deleted


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


async def test_a_duplicate_request_fails_a_stale_analysis() -> None:
    later = now() + timedelta(seconds=11)
    async with kitchen() as it, kitchen(ledger=it.ledger, clock=lambda: later) as elsewhere:
        await cut_off(it)
        outcome = await elsewhere.commands.analyze_meal_photo(ALICE, KEYED)
        assert outcome.meal.status is MealStatus.FAILED


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


async def test_confirming_counts_kept_and_rejected_entries() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        confirm = ConfirmMealAnalysis(meal_id=meal.id, confirmed_entry_ids=(meal.entries[0].id,))
        outcome = await it.commands.confirm_meal_analysis(ALICE, confirm)
        assert (outcome.confirmed_count, outcome.rejected_count, outcome.position) == (1, 1, 3)
        assert await it.commands.confirm_meal_analysis(ALICE, confirm) == outcome


async def test_updating_changes_the_given_fields_only() -> None:
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
async def test_another_persons_meal_is_not_found(whose: str) -> None:
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
async def test_a_malformed_meal_id_is_a_bad_argument(meal_id: str) -> None:
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


async def test_a_meal_that_keeps_changing_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_an_unreachable_store_is_an_expected_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async with kitchen() as it:

        def save(*_: object) -> None:
            raise OperationalError("no primary at mongodb://secret@host")

        monkeypatch.setattr(it.ledger, "save", save)
        with pytest.raises(LedgerError) as refused:
            await it.commands.analyze_meal_photo(ALICE, PHOTO)
        assert refused.value.code is ErrorCode.SERVICE_UNAVAILABLE
        assert "secret" not in refused.value.message
        assert it.recognizer.calls == []


async def test_an_unreadable_stream_is_a_fault_and_no_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        monkeypatch.delitem(TOPICS, "MealAnalyzed")
        with pytest.raises(MapperDeserialisationError, match=meal.id):
            await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))


class Unknown(OperationalError):
    """A store's error for an append in doubt at its deadline."""

    def __init__(self) -> None:
        super().__init__("no answer in time")
        self.append_id = uuid4()


@pytest.mark.parametrize("lost_answers", [1, 2])
async def test_an_append_in_doubt_is_retried_once_by_its_id(
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
