"""Our event store while commands and answers are late, lost, cut off or doubtful, or do not come at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import ApplicationRecorder, OperationalError, PersistenceError, StoredEvent

from adapters.mongo.event_store import AppendOutcomeUnknownError
from tests.faults.checker import Expectations
from tests.faults.plans import Plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import judged
from tests.faults.store import OUR_STORE, Store
from tests.pace import Stopwatch


def test_nothing_is_lost_repeated_or_reordered_when_answers_are(
    replica_set: ReplicaSet, round_folder: Path
) -> None:
    faults = ("cut mid reply", "cut before reply", "hold writes", "drop commands")
    judged(Plan(1, faults, quiet_seconds=0.5), replica_set, round_folder)


def test_past_its_deadline_an_append_is_unknown_until_resolved(
    replica_set: ReplicaSet, round_folder: Path
) -> None:
    """A repeat that cannot find out either must say so again: what the first call has sent may be there."""
    settings = {"MONGODB_APPEND_DEADLINE": "0.5"}
    expectations = Expectations(deadline=0.5, certain=False)
    for seed in range(1, 6):  # whether an append is in flight when the primary freezes is chance
        plan = Plan(
            seed,
            ["freeze primary"],
            processes=0,
            quiet_seconds=0.5,
            settings=settings,
            expectations=expectations,
        )
        calls = judged(plan, replica_set, round_folder / str(seed)).history.calls
        if any([end.outcome for end in call.ends[:2]] == ["unknown", "unknown"] for call in calls):
            return
    pytest.fail("no append was repeated in vain")


@pytest.mark.parametrize("survivor", ["the primary", "a secondary"])
def test_an_append_without_majority_fails_and_is_resolved_later(
    survivor: str, replica_set: ReplicaSet
) -> None:
    """At first the primary that is left takes writes and cannot confirm them; then there is no primary."""
    deadlines = {"MONGODB_APPEND_DEADLINE": "1.5", "MONGODB_READ_DEADLINE": "1.5"}
    store = Store(OUR_STORE, replica_set.url, f"faults_{uuid4().hex}", deadlines)
    wanted = [
        [StoredEvent(stream, version, "topic", b"state") for version in range(1, size + 1)]
        for stream, size in ((uuid4(), 1), (uuid4(), 3), (uuid4(), 1), (uuid4(), 3))
    ]
    with store.recorder() as recorder, ThreadPoolExecutor(2) as callers:
        assert recorder.insert_events([StoredEvent(uuid4(), 1, "topic", b"state")]) == [1]
        primary = replica_set.primary()
        others = replica_set.others(primary)
        for node in others if survivor == "the primary" else [primary, others[0]]:
            node.freeze()
        errors = [*callers.map(lambda events: failure(recorder, events), wanted[:2])]
        errors += callers.map(lambda events: failure(recorder, events), wanted[2:])
        watch = Stopwatch()
        with pytest.raises(OperationalError):
            recorder.max_notification_id()
        assert watch.seconds() < 2.5
        replica_set.heal()
    patient = Store(OUR_STORE, replica_set.url, store.database)
    with patient.recorder() as recorder:
        there = {event.originator_id for event in recorder.select_notifications(1, 100)}
        for events, error in zip(wanted, errors, strict=True):
            again: dict[str, UUID] = {}
            if isinstance(error, AppendOutcomeUnknownError):
                again = {"append_id": error.append_id}
            else:
                assert events[0].originator_id not in there
            positions = recorder.insert_events(events, **again)
            assert positions is not None
            assert len(positions) == len(events)
            assert recorder.select_events(events[0].originator_id) == events
        log = recorder.select_notifications(1, 100)
    assert [event.id for event in log] == list(range(1, 10))


def failure(recorder: ApplicationRecorder, events: list[StoredEvent]) -> OperationalError:
    """The error that an append ends in, within its deadline of 1.5 seconds."""
    watch = Stopwatch()
    with pytest.raises(OperationalError) as caught:
        recorder.insert_events(events)
    assert watch.seconds() < 2.5
    return caught.value


def test_wrong_credentials_are_an_error_of_the_library_at_once(replica_set: ReplicaSet) -> None:
    url = replica_set.url.replace("mongodb://", "mongodb://nobody:wrong@")
    watch = Stopwatch()
    with (
        pytest.raises(PersistenceError, match=r"(?i)authentication failed") as caught,
        Store(OUR_STORE, url, "faults_nobody").recorder() as recorder,
    ):
        recorder.insert_events([StoredEvent(uuid4(), 1, "topic", b"state")])
    assert watch.seconds() < 5
    assert "wrong@" not in str(caught.value)
