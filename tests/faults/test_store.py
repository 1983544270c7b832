"""Our event store while members of its replica set die, freeze, make place and are rolled back.

These rounds, and those of the other files here, are a selection; `make faults` runs the faults long and in every order.
"""

from pathlib import Path

from tests.faults.plans import Plan, encrypted
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import judged


def test_nothing_is_lost_when_the_primary_is_killed(replica_set: ReplicaSet, round_folder: Path) -> None:
    """Nothing is repeated or reordered either, nor by a rollback."""
    plan = Plan(1, ("kill primary", "kill secondary", "roll back"), quiet_seconds=0.5)
    verdict = judged(plan, replica_set, round_folder)
    assert sum(call.outcome == "appended" for call in verdict.history.calls) > 100
    killed, _, rolled_back = verdict.happenings
    assert killed.elections
    assert rolled_back.elections
    assert rolled_back.rollbacks
    lost = [call for call in verdict.history.cut_short() if not verdict.history.is_there(call)]
    assert lost  # the appends of writers that died with the primary


def test_nothing_is_lost_repeated_or_reordered_when_the_primary_freezes(
    replica_set: ReplicaSet, round_folder: Path
) -> None:
    plan = Plan(1, ("blink primary", "freeze primary"), quiet_seconds=0.5)
    assert judged(plan, replica_set, round_folder).happenings[-1].elections


def test_encrypted_and_compressed_states_pass_as_well(replica_set: ReplicaSet, round_folder: Path) -> None:
    faults = ["step down", "doubtful answers", "stop replication"]
    plan = Plan(1, faults, quiet_seconds=0.5, settings=encrypted(1))
    assert judged(plan, replica_set, round_folder).happenings[0].elections
