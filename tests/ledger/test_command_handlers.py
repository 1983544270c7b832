"""The commands over a store in memory: their outcomes, their errors, and the events that they append."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError
from msgspec import UNSET, structs

from ledger import (
    TOPICS,
    ConfirmMealAnalysis,
    Conflict,
    DeleteMeal,
    EntryAmount,
    ErrorCode,
    IdempotencyConflict,
    InvalidArgument,
    LedgerError,
    MealNotFound,
    MealStatus,
    MealType,
    Unreadable,
    UpdateMeal,
)
from ledger.deadline import NO_DEADLINE
from ledger.idempotency import former_fingerprint
from ledger.local_day import now
from tests.ledger.kitchen import ALICE, BOB, KEYED, PHOTO, kitchen


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
        ({"time_zone": "localtime"}, "timeZone"),
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


async def test_a_newly_signed_photo_is_the_same_request() -> None:
    async with kitchen() as it:
        signed = structs.replace(KEYED, photo_url="https://example.com/test.jpg?signature=1")
        first = await it.commands.analyze_meal_photo(ALICE, signed)
        again = structs.replace(signed, photo_url="https://example.com/test.jpg?signature=2")
        assert (await it.commands.analyze_meal_photo(ALICE, again)).meal == first.meal
        assert len(it.recognizer.calls) == 1


async def test_a_request_of_an_earlier_version_is_still_known() -> None:
    async with kitchen() as it:
        signed = structs.replace(KEYED, photo_url="https://example.com/test.jpg?signature=1")
        stored = it.commands._requested(ALICE, signed)
        request = stored.pending_events[0]
        object.__setattr__(request, "fingerprint", former_fingerprint(stored.id, signed))
        await it.meals.append(stored)
        await it.runs.run(stored, ALICE, NO_DEADLINE)
        assert (await it.commands.analyze_meal_photo(ALICE, signed)).meal.id == str(stored.id)
        assert len(it.recognizer.calls) == 1


@pytest.mark.parametrize(
    ("eaten_at", "zone", "stored", "day", "meal_type"),
    [
        ("2025-11-21T21:30:00-08:00", None, "-08:00", "2025-11-21", MealType.DINNER),
        ("2025-11-21T08:00:00+13:45", None, "+13:45", "2025-11-21", MealType.BREAKFAST),
        ("2025-11-21T21:30:00-00:00", None, "UTC", "2025-11-21", MealType.DINNER),
        ("2025-11-21T21:30:00-08:00", "Asia/Calcutta", "Asia/Kolkata", "2025-11-22", MealType.LUNCH),
        ("2025-11-21T21:30:00-08:00", "US/Eastern", "America/New_York", "2025-11-22", MealType.SNACK),
        ("2025-11-22T05:30:00+00:00", "-08:00", "-08:00", "2025-11-21", MealType.DINNER),
    ],
)
async def test_day_and_meal_type_come_from_zone_or_offset(
    eaten_at: str, zone: str | None, stored: str, day: str, meal_type: MealType
) -> None:
    async with kitchen() as it:
        command = structs.replace(PHOTO, eaten_at=datetime.fromisoformat(eaten_at), time_zone=zone)
        meal = (await it.commands.analyze_meal_photo(ALICE, command)).meal
        assert (meal.time_zone, meal.local_date) == (stored, date.fromisoformat(day))
        assert meal.meal_type is meal_type
        assert meal.eaten_at == datetime.fromisoformat(eaten_at)
        assert meal.eaten_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("before", "change", "stored", "day"),
    [
        # In the zone's own offset, or in UTC: the meal stays in its zone.
        ("Europe/Paris", {"eaten_at": "2025-11-21T23:30:00+01:00"}, "Europe/Paris", "2025-11-21"),
        ("Europe/Paris", {"eaten_at": "2025-11-21T23:30:00+00:00"}, "Europe/Paris", "2025-11-22"),
        # In another offset: there it was.
        ("Europe/Paris", {"eaten_at": "2025-11-21T21:30:00-08:00"}, "-08:00", "2025-11-21"),
        ("-08:00", {"eaten_at": "2025-11-22T05:30:00+00:00"}, "-08:00", "2025-11-21"),
        ("-08:00", {"time_zone": "Japan"}, "Asia/Tokyo", "2025-11-20"),
        ("Japan", {"time_zone": "+02:00"}, "+02:00", "2025-11-20"),
        ("Japan", {"meal_type": MealType.SNACK}, "Asia/Tokyo", "2025-11-20"),
        (
            "Japan",
            {"eaten_at": "2025-11-21T21:30:00-08:00", "time_zone": "Asia/Tokyo"},
            "Asia/Tokyo",
            "2025-11-22",
        ),
    ],
)
async def test_a_corrected_time_stays_in_the_zone_it_fits(
    before: str, change: dict[str, object], stored: str, day: str
) -> None:
    async with kitchen() as it:
        noon = datetime(2025, 11, 20, 12, tzinfo=UTC)
        asked = structs.replace(PHOTO, eaten_at=noon, time_zone=before)
        meal = (await it.commands.analyze_meal_photo(ALICE, asked)).meal
        if "eaten_at" in change:
            change = change | {"eaten_at": datetime.fromisoformat(str(change["eaten_at"]))}
        command = structs.replace(UpdateMeal(meal_id=meal.id), **change)
        moved = (await it.commands.update_meal(ALICE, command)).meal
        assert (moved.time_zone, moved.local_date) == (stored, date.fromisoformat(day))
        assert moved.meal_type is change.get("meal_type", meal.meal_type)


async def test_a_note_leaves_the_local_date_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal

        def unknown(name: str) -> object:
            raise InvalidArgument(f"no zone {name}", field="timeZone")

        monkeypatch.setattr("ledger.local_day.time_zone", unknown)
        monkeypatch.setattr("ledger.validation.canonical_zone", unknown)
        noted = await it.commands.update_meal(ALICE, UpdateMeal(meal_id=meal.id, notes="n"))
        assert (noted.meal.local_date, noted.meal.notes) == (meal.local_date, "n")


async def test_a_deleted_meal_is_returned_redacted() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, KEYED)).meal
        deleted = (await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))).meal
        assert (deleted.photo_url, deleted.dish_name, deleted.entries) == (None, None, ())
        assert (await it.commands.analyze_meal_photo(ALICE, KEYED)).meal == deleted


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


async def test_deleting_twice_answers_the_same_twice() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        outcome = await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))
        assert outcome.meal.status is MealStatus.DELETED
        assert await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id)) == outcome
        assert it.topics()[2:] == ["MealDeleted"]


async def test_deleting_at_the_same_time_deletes_once() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        deletes = [it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id)) for _ in range(4)]
        first, *others = await asyncio.gather(*deletes)
        assert others == [first] * 3
        assert it.topics()[2:] == ["MealDeleted"]


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


async def test_an_unreadable_stream_has_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        monkeypatch.delitem(TOPICS, "MealAnalyzed")
        with pytest.raises(Unreadable) as refused:
            await it.commands.delete_meal(ALICE, DeleteMeal(meal_id=meal.id))
        assert refused.value.code is ErrorCode.UNREADABLE
    assert [record.__dict__["meal_id"] for record in caplog.records if record.msg == "event_unreadable"] == [
        meal.id
    ]


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


@pytest.mark.parametrize("unseen", ["\x00", "\x1b[2J", "\x7f", "\x85", "\u202e", "\u2066", "\r"])
async def test_a_text_with_a_control_character_is_refused(unseen: str) -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        with pytest.raises(InvalidArgument, match="notes has the control character"):
            await it.commands.update_meal(ALICE, UpdateMeal(meal_id=meal.id, notes=f"no{unseen}te"))
        with pytest.raises(InvalidArgument, match="dishHint"):
            await it.commands.analyze_meal_photo(ALICE, structs.replace(PHOTO, dish_hint=f"a{unseen}b"))


async def test_lines_tabs_and_every_script_stay_in_a_text() -> None:
    async with kitchen() as it:
        meal = (await it.commands.analyze_meal_photo(ALICE, PHOTO)).meal
        notes = "one\r\ntwo\tthree\nארוחה \u200fطعام 🍲"  # noqa: RUF001 - a person's own script
        updated = (await it.commands.update_meal(ALICE, UpdateMeal(meal_id=meal.id, notes=notes))).meal
        assert updated.notes == notes.replace("\r\n", "\n")
