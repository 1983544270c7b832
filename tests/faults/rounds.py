"""A round: a store, its writers and readers, some faults one after the other, and the verdict."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.checker import check
from tests.faults.faults import FAULTS, PAUSING
from tests.faults.history import History
from tests.faults.plans import Plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.stage import Stage
from tests.faults.store import Store
from tests.faults.violations import Violation


@dataclass(frozen=True)
class Happening:
    """A fault that took place `at` seconds from the beginning, and what the replica set went through until it healed.

    `restarted` are members that did not recover by themselves.
    """

    fault: str
    at: float
    what: str
    elections: int
    rollbacks: int
    restarted: Sequence[str]

    def __str__(self) -> str:
        stuck = "".join(f"; restarted {address}, which did not recover" for address in self.restarted)
        went_through = f"{self.elections} elections, {self.rollbacks} roll-backs"
        return f"{self.at:6.1f} s  {self.fault}: {self.what} ({went_through}){stuck}"


@dataclass(frozen=True)
class Verdict:
    """What was seen in a round. `folder` holds the journals."""

    plan: Plan
    history: History
    violations: Sequence[Violation]
    happenings: Sequence[Happening]
    folder: Path

    @property
    def rules_broken(self) -> set[str]:
        return {violation.rule for violation in self.violations}

    def summary(self) -> str:
        """One line of figures."""
        outcomes = Counter(call.outcome or "unanswered" for call in self.history.calls)
        waits = [call.ends[-1].at - call.began for call in self.history.calls if call.ends]
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        there = sum(map(self.history.is_there, self.history.cut_short()))
        seen = sum(len(reader.saw) for reader in self.history.readers)
        return (
            f"{len(self.history.log)} events, {counts} ({there} of them there); {seen} seen by followers, "
            f"{sum(len(reader.reads) for reader in self.history.readers)} stream reads; "
            f"longest wait {max(waits, default=0):.2f} s, pace {self.history.pace:.1f}"
        )

    def report(self) -> str:
        """All there is to say about it."""
        settings = "".join(f" {name}" for name in self.plan.settings)
        return "\n".join(
            [
                f"seed {self.plan.seed}, {self.plan.module}{settings}: {self.summary()}",
                *(f"  {happening}" for happening in self.happenings),
                *(f"VIOLATION {violation}" for violation in self.violations),
                *([f"journals: {self.folder}"] if self.violations else []),
            ]
        )


def run(plan: Plan, replica_set: ReplicaSet, folder: Path) -> Verdict:
    """Run a round on a healthy replica set, and leave it healthy. From the main thread only.

    `folder` must not exist yet.
    """
    folder.mkdir(parents=True)
    store = Store(plan.module, replica_set.url, f"faults_{plan.seed}_{time.time_ns()}", plan.settings)
    stage = Stage(replica_set, store, folder, plan.seed, deadline=plan.expectations.deadline, mix=plan.mix)
    began = time.monotonic()
    happenings = []
    with store.open() as opened:
        try:
            stage.open(opened, plan.writers)
            for _ in range(plan.processes):
                stage.start_worker().wait_until_busy()
            time.sleep(plan.quiet_seconds)  # appends before, between and after the faults
            for name in plan.faults:
                happenings.append(_let_happen(name, stage, began))
                time.sleep(stage.random.uniform(0.2, 1) * plan.quiet_seconds)  # as before
            history = stage.finish()
        finally:
            stage.abandon()
    return Verdict(plan, history, check(history, plan.expectations), happenings, folder)


def judged(plan: Plan, replica_set: ReplicaSet, folder: Path) -> Verdict:
    """The same. Raises AssertionError with the report when there is a violation."""
    verdict = run(plan, replica_set, folder)
    assert not verdict.violations, verdict.report()
    return verdict


def _let_happen(name: str, stage: Stage, round_began: float) -> Happening:
    replica_set = stage.replica_set
    term, rollbacks = replica_set.term(), replica_set.rollbacks()
    began = time.monotonic()
    what = FAULTS[name](stage)
    stuck = replica_set.heal()
    if name in PAUSING or stuck:
        stage.excuse(began)
    return Happening(
        name,
        began - round_began,
        what,
        replica_set.term() - term,
        replica_set.rollbacks() - rollbacks,
        [node.address for node in stuck],
    )
