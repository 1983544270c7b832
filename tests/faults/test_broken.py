"""The checker must fail event stores that are wrong in one point, and pass one that is right."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.checker import STRICT, Expectations
from tests.faults.plans import Plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import run
from tests.faults.store import PLAIN
from tests.faults.workload import Mix

_SEEDS = range(1, 6)
_IMPATIENT = Expectations(deadline=1.0, grace=0.5, certain=False)


@dataclass(frozen=True)
class Variant:
    """A store that is wrong in one point, what brings it to light, and the rules of which one has to break then."""

    name: str
    rules: frozenset[str]
    faults: tuple[str, ...] = ()
    mix: Mix = "all"
    writers: int = 8
    expectations: Expectations = STRICT

    def plan(self, seed: int) -> Plan:
        return Plan(
            seed,
            self.faults,
            PLAIN,
            writers=self.writers,
            processes=0,
            mix=self.mix,
            quiet_seconds=1.5,
            settings={"APPLICATION_RECORDER_TOPIC": f"tests.faults.broken:{self.name}"},
            expectations=self.expectations,
        )


def rolled_back(name: str, *rules: str, mix: Mix = "own") -> Variant:
    """Few writers survive, so that it is others who die with what they have written."""
    return Variant(name, frozenset(rules), ("roll back",), mix, writers=2)


VARIANTS = [
    Variant("CounterOutside", frozenset({"positions are 1…n", "followers see every position in order"})),
    Variant("NoUniqueIndex", frozenset({"stream versions are 1…k"})),
    Variant("OrderedInsert", frozenset({"appends are whole"})),
    Variant("Pipelining", frozenset({"positions are 1…n"})),
    rolled_back("AcknowledgedByOne", "acknowledged appends are there"),
    rolled_back("LearnsLocally", "positions are 1…n"),
    rolled_back(
        "ReadsStreamsLocally",
        "stream reads are true",
        "stream reads never go back",
        "stream versions are 1…k",
        mix="shared",
    ),
    rolled_back(
        "FollowersReadLocally", "followers see every position in order", "followers see nothing else"
    ),
    Variant("SettledByOneRead", frozenset({"failed appends are not there"}), ("hold writes",)),
    Variant("OwnTryIsARival", frozenset({"refused appends are not there"}), ("doubtful answers",)),
    Variant(
        "WaitsForEver",
        frozenset({"no append waits longer than its deadline"}),
        ("freeze primary",),
        expectations=_IMPATIENT,
    ),
    Variant(
        "ForgetsTheFirstCall",
        frozenset({"failed appends are not there"}),
        ("stop replication",),
        expectations=_IMPATIENT,
    ),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_broken_store_is_found_out(variant: Variant, replica_set: ReplicaSet, tmp_path: Path) -> None:
    reports = []
    for seed in _SEEDS:
        verdict = run(variant.plan(seed), replica_set, tmp_path / f"round{seed}")
        if verdict.rules_broken & variant.rules:
            return
        reports.append(verdict.report())
    pytest.fail("\n".join([f"{variant.name} was not found out by {variant.faults}", *reports]))


def test_a_plain_and_right_store_passes(replica_set: ReplicaSet, round_folder: Path) -> None:
    faults = ["roll back", "doubtful answers"]
    verdict = run(Plan(1, faults, PLAIN, processes=0), replica_set, round_folder)
    assert not verdict.violations, verdict.report()
