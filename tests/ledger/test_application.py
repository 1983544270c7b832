"""Typed events over a store: stable topics, a closed registry, personal data in one place, upcasting."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from pymongo import MongoClient

from ledger import TOPICS, Meal, MealAnalyzed, MealEvent, MealLedger, MealType
from tests.ledger.plates import ALICE, RICE, analyzed, awaiting, found_for, timing
from tests.projections.logs import meal_log


def life_of_a_meal() -> Meal:
    meal = awaiting()
    meal.confirm([entry.id for entry in meal.entries], actor=ALICE)
    meal.complete_nutrients([found_for(meal.entries[1], RICE)], actor=ALICE)
    meal.update(
        timing=timing(meal_type=MealType.SNACK), notes="my secret notes",
        amounts={meal.entries[0].id: 10.0}, actor=ALICE,
    )  # fmt: skip
    meal.delete(actor=ALICE)
    return meal


@pytest.fixture
def ledger() -> MealLedger:
    return MealLedger(env={"PERSISTENCE_MODULE": "eventsourcing.popo"})


def test_a_meal_comes_back_from_its_stream_as_it_was(ledger: MealLedger) -> None:
    meal = life_of_a_meal()
    events = list(meal.pending_events)
    ledger.save(meal)
    assert list(ledger.events.get(meal.id)) == events
    again: Meal = ledger.repository.get(meal.id)
    assert again.snapshot() == meal.snapshot()


def test_topics_are_names_and_not_python_paths(ledger: MealLedger) -> None:
    meal = life_of_a_meal()
    ledger.save(meal)
    stored = ledger.recorder.select_events(meal.id)
    assert [event.topic for event in stored] == [
        "MealAnalysisRequested", "MealAnalyzed", "MealConfirmed", "MealNutrientsCompleted", "MealUpdated",
        "MealDeleted",
    ]  # fmt: skip
    assert json.loads(stored[0].state)["originator_topic"] == "Meal"
    assert set(TOPICS) == {event.topic for event in stored} | {"MealAnalysisFailed"}


def test_personal_data_are_in_personal_and_nowhere_else(ledger: MealLedger) -> None:
    meal = life_of_a_meal()
    ledger.save(meal)
    facts, personal = [], []
    for stored in ledger.recorder.select_events(meal.id):
        state = json.loads(stored.state)
        personal.append(state.pop("personal", None))
        facts.append(state)
    for secret in ("secret-plate.jpg", "my secret hint", "my secret notes", "chicken with rice"):
        assert secret not in json.dumps(facts)
        assert secret in json.dumps(personal)


def stored_analysis(ledger: MealLedger) -> StoredEvent:
    meal = analyzed()
    return ledger.mapper.to_stored_event(meal.pending_events[1])


@pytest.mark.parametrize("topic", ["antigravity:geohash", "subprocess:run", "MealEaten", "Meal", ""])
def test_a_foreign_topic_is_an_error_naming_the_stream(ledger: MealLedger, topic: str) -> None:
    stored = replace(stored_analysis(ledger), topic=topic)
    with pytest.raises(MapperDeserialisationError) as refused:
        ledger.mapper.to_domain_event(stored)
    assert f"version 2 of stream {stored.originator_id}" in str(refused.value)
    assert "antigravity" not in sys.modules


def damaged(stored: StoredEvent, damage: Callable[[dict[str, Any]], object]) -> StoredEvent:
    state = json.loads(stored.state)
    damage(state)
    return replace(stored, state=json.dumps(state).encode())


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda state: state.pop("entries"), "it has no 'entries'"),
        (lambda state: state.update(status="EATEN"), "Invalid enum value 'EATEN'"),
        (lambda state: state.update(totals=None), "Expected `object`, got `null`"),
        (lambda state: state.update(originator_topic="os:system"), "originator_topic is not 'Meal'"),
    ],
)
def test_a_damaged_state_is_an_error_with_its_reason(
    ledger: MealLedger, damage: Callable[[dict[str, Any]], object], why: str
) -> None:
    with pytest.raises(MapperDeserialisationError) as refused:
        ledger.mapper.to_domain_event(damaged(stored_analysis(ledger), damage))
    assert why in str(refused.value)
    assert "MealAnalyzed" in str(refused.value)


def test_an_older_event_is_upcast_on_its_plain_values(
    ledger: MealLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = damaged(stored_analysis(ledger), lambda state: state.pop("price_table"))
    monkeypatch.setattr(MealAnalyzed, "class_version", 2, raising=False)
    monkeypatch.setattr(
        MealAnalyzed,
        "upcast_v1_v2",
        staticmethod(lambda state: state.update(price_table="2025")),
        raising=False,
    )
    event = ledger.mapper.to_domain_event(stored)
    assert isinstance(event, MealAnalyzed)
    assert event.price_table == "2025"


@pytest.mark.parametrize("prefix", ["", "MEAL_LEDGER_"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMPRESSOR_TOPIC", "zlib"),
        ("CIPHER_TOPIC", "eventsourcing.cipher:AESCipher"),
        ("TRANSCODER_TOPIC", "no.such:Transcoder"),
        ("MAPPER_TOPIC", "no.such:Mapper"),
        ("APPLICATION_RECORDER_TOPIC", "no.such:Recorder"),
        ("PERSISTENCE_MODULE", "no.such.module"),
        ("MONGODB_DATABASE", "elsewhere"),
        ("CREATE_TABLE", "n"),
        ("IS_SNAPSHOTTING_ENABLED", "y"),
        ("AGGREGATE_CACHE_MAXSIZE", "10"),
    ],
)
def test_a_variable_of_the_process_does_not_change_the_store(
    monkeypatch: pytest.MonkeyPatch, prefix: str, name: str, value: str
) -> None:
    env = {"PERSISTENCE_MODULE": "eventsourcing.popo"}
    monkeypatch.setenv(prefix + name, value)
    monkeypatch.setenv("CIPHER_KEY", "A" * 32)
    with MealLedger(env=env) as ledger:
        assert ledger.env == env
        meal = analyzed()
        ledger.save(meal)
        assert json.loads(ledger.recorder.select_events(meal.id)[0].state)["user_id"] == "alice"


def test_an_event_is_written_natively_despite_a_codec_variable(
    monkeypatch: pytest.MonkeyPatch, mongodb_url: str, mongodb_database: str
) -> None:
    monkeypatch.setenv("COMPRESSOR_TOPIC", "zlib")
    with meal_log(mongodb_url, mongodb_database) as log:
        log.save(analyzed())
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        events = client[mongodb_database]["meal_ledger_events"]
        assert [event["state"]["user_id"] for event in events.find()] == ["alice", "alice"]


def test_every_event_is_known_by_its_topic() -> None:
    assert {event_class.__dict__["TOPIC"]: event_class for event_class in TOPICS.values()} == TOPICS
    assert all(issubclass(event_class, MealEvent) for event_class in TOPICS.values())
