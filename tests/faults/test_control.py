"""A plain store that is right passes what the broken ones, each of which differs from it in one point, do not."""

from pathlib import Path

from tests.faults.plans import Plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import judged
from tests.faults.store import PLAIN
from tests.faults.variants import IMPATIENT


def test_a_plain_and_right_store_passes(replica_set: ReplicaSet, round_folder: Path) -> None:
    plan = Plan(1, ["roll back", "doubtful answers"], PLAIN, processes=0, quiet_seconds=0.5)
    judged(plan, replica_set, round_folder)


def test_a_right_store_with_a_short_deadline_passes(replica_set: ReplicaSet, round_folder: Path) -> None:
    """Where the faults allow no answer within its deadline."""
    plan = Plan(
        1,
        ["freeze primary", "stop replication"],
        PLAIN,
        writers=4,
        processes=0,
        settings={"APPLICATION_RECORDER_TOPIC": "tests.faults.plain_store:ImpatientRecorder"},
        expectations=IMPATIENT,
    )
    outcomes = {
        end.outcome for call in judged(plan, replica_set, round_folder).history.calls for end in call.ends
    }
    assert "unknown" in outcomes  # the faults did outlast the deadline
