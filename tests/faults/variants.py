"""Stores that are wrong in one point, and what it takes to find them out."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.checker import STRICT, Expectations
from tests.faults.plans import Plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import run
from tests.faults.store import PLAIN
from tests.faults.workload import Mix

_SEEDS = range(1, 8)

IMPATIENT = Expectations(deadline=1.0, grace=0.5, certain=False)
"""What is asked of a store whose deadline is shorter than the faults are."""


@dataclass(frozen=True)
class Variant:
    """A store that is wrong in one point, what brings it to light, and the rules of which one has to break then."""

    name: str
    rules: frozenset[str]
    faults: tuple[str, ...] = ()
    mix: Mix = "all"
    writers: int = 8
    quiet_seconds: float = 1.5
    expectations: Expectations = STRICT

    def plan(self, seed: int) -> Plan:
        return Plan(
            seed,
            self.faults,
            PLAIN,
            writers=self.writers,
            processes=0,
            mix=self.mix,
            quiet_seconds=self.quiet_seconds,
            settings={"APPLICATION_RECORDER_TOPIC": f"tests.faults.broken:{self.name}"},
            expectations=self.expectations,
        )


def rolled_back(name: str, *rules: str, mix: Mix = "own") -> Variant:
    """Few writers survive, so that it is others who die with what they have written."""
    return Variant(name, frozenset(rules), ("roll back",), mix, writers=2, quiet_seconds=0.5)


def find_out(variant: Variant, replica_set: ReplicaSet, folder: Path) -> None:
    """Run rounds, of a few seeds at most, until one breaks a rule that the variant has to break; else fail."""
    reports = []
    for seed in _SEEDS:
        verdict = run(variant.plan(seed), replica_set, folder / str(seed))
        if verdict.rules_broken & variant.rules:
            return
        reports.append(verdict.report())
    pytest.fail("\n".join([f"{variant.name} was not found out by {variant.faults}", *reports]))
