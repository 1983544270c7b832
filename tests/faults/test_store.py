"""Our event store under the faults themselves; `python -m tests.faults` runs them long and in every order."""

from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.cipher import AESCipher
from eventsourcing.persistence import PersistenceError, StoredEvent

from tests.faults.checker import Expectations
from tests.faults.plans import Plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import Verdict, run
from tests.faults.store import OUR_STORE, Store


def judged(plan: Plan, replica_set: ReplicaSet, folder: Path) -> Verdict:
    verdict = run(plan, replica_set, folder)
    assert not verdict.violations, verdict.report()
    return verdict


@pytest.mark.parametrize(
    "faults",
    [
        ("kill primary", "cut before reply", "roll back"),
        ("freeze primary", "kill writer after-answer", "hold writes"),
    ],
    ids=", ".join,
)
def test_nothing_is_lost_repeated_or_reordered(
    faults: tuple[str, ...], replica_set: ReplicaSet, round_folder: Path
) -> None:
    verdict = judged(Plan(1, faults), replica_set, round_folder)
    assert sum(call.outcome == "appended" for call in verdict.history.calls) > 100


def test_the_open_transaction_of_a_killed_writer_blocks_nobody_for_long(
    replica_set: ReplicaSet, round_folder: Path
) -> None:
    """The server itself would end it after a minute."""
    history = judged(Plan(1, ["kill writer before-commit"], processes=0), replica_set, round_folder).history
    assert any(call.outcome is None for call in history.calls)
    longest = max(call.ends[-1].at - call.began for call in history.calls if call.ends)
    assert 0.5 < longest < 6  # it did stand in the way


def test_past_its_deadline_an_append_is_unknown_until_a_repeat_settles_it(
    replica_set: ReplicaSet, round_folder: Path
) -> None:
    """A repeat that cannot find out either must say so again: what the first call has sent may be there."""
    settings = {"MONGODB_APPEND_DEADLINE": "0.5"}
    expectations = Expectations(deadline=0.5, certain=False)
    for seed in range(1, 6):  # whether an append is in flight when the primary freezes is chance
        plan = Plan(seed, ["freeze primary"], processes=0, settings=settings, expectations=expectations)
        calls = judged(plan, replica_set, round_folder / str(seed)).history.calls
        if any([end.outcome for end in call.ends[:2]] == ["unknown", "unknown"] for call in calls):
            return
    pytest.fail("no append was repeated in vain")


def test_encrypted_and_compressed_states_pass_as_well(replica_set: ReplicaSet, round_folder: Path) -> None:
    settings = {"COMPRESSOR_TOPIC": "zlib", "CIPHER_KEY": AESCipher.create_key(16)}
    judged(Plan(1, ["step down", "doubtful answers"], settings=settings), replica_set, round_folder)


def test_wrong_credentials_are_an_error_of_the_library_at_once(replica_set: ReplicaSet) -> None:
    url = replica_set.url.replace("mongodb://", "mongodb://nobody:wrong@")
    with (
        pytest.raises(PersistenceError, match=r"(?i)authentication failed") as caught,
        Store(OUR_STORE, url, "faults_nobody").recorder() as recorder,
    ):
        recorder.insert_events([StoredEvent(uuid4(), 1, "topic", b"state")])
    assert "wrong@" not in str(caught.value)
