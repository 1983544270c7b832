"""A round: a store, its writers and readers, some faults one after the other, and the verdict."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eventsourcing.cipher import AESCipher

from tests.faults.checker import STRICT, Expectations, check
from tests.faults.faults import FAULTS
from tests.faults.history import History
from tests.faults.replica_set import ReplicaSet
from tests.faults.seeds import random_of
from tests.faults.stage import Stage
from tests.faults.store import OUR_STORE, Store
from tests.faults.violations import Violation
from tests.faults.workload import Mix

FAULTS_PER_ROUND = 5
OUR_SETTINGS: Sequence[Mapping[str, str]] = (
    {},
    {"MONGODB_BATCH_EVENTS": "3"},
    {"COMPRESSOR_TOPIC": "zlib"},
    {"COMPRESSOR_TOPIC": "zlib", "CIPHER_KEY": AESCipher.create_key(16)},
)
"""Under each of which our store has to pass: as it is, with tiny batches, with binary states."""


@dataclass(frozen=True)
class Plan:
    """What happens in a round. The seed decides all that writers and faults draw."""

    seed: int
    faults: Sequence[str]
    module: str = OUR_STORE
    writers: int = 6
    processes: int = 1
    mix: Mix = "all"
    quiet_seconds: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict)
    expectations: Expectations = STRICT


@dataclass(frozen=True)
class Verdict:
    """What was seen in a round. `folder` holds the journals."""

    plan: Plan
    history: History
    violations: Sequence[Violation]
    happenings: Sequence[str]
    folder: Path

    @property
    def rules_broken(self) -> set[str]:
        return {violation.rule for violation in self.violations}

    def summary(self) -> str:
        """One line of figures."""
        outcomes = Counter(call.outcome or "unanswered" for call in self.history.calls)
        waits = [call.ends[-1].at - call.began for call in self.history.calls if call.ends]
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        seen = sum(len(reader.saw) for reader in self.history.readers)
        return (
            f"{len(self.history.log)} events, {counts}; {seen} seen by followers, "
            f"{sum(len(reader.reads) for reader in self.history.readers)} stream reads; "
            f"longest wait {max(waits, default=0):.2f} s"
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


def random_plan(seed: int, module: str = OUR_STORE, only: Iterable[str] = ()) -> Plan:
    """The plan of a seed: some faults in random order, of those named in `only` if any are.

    The plans of successive seeds deal out a shuffled pack, so that none is left out for long.
    """
    pack = sorted(only or FAULTS)
    random_of(seed // len(pack), "pack").shuffle(pack)
    count = min(FAULTS_PER_ROUND, len(pack))
    dealt = [pack[(seed * count + number) % len(pack)] for number in range(count)]
    random_of(seed, "order").shuffle(dealt)
    settings = random_of(seed, "settings").choice(OUR_SETTINGS if module == OUR_STORE else ({},))
    return Plan(seed, dealt, module, settings=settings)


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
                at = time.monotonic() - began
                what = FAULTS[name](stage)
                happenings.append(f"{at:6.1f} s  {name}: {what}")
                stuck = replica_set.heal()
                happenings += [f"          restarted {node.address}, which did not recover" for node in stuck]
                time.sleep(stage.random.uniform(0.2, 1) * plan.quiet_seconds)  # as before
            history = stage.finish()
        finally:
            stage.abandon()
    return Verdict(plan, history, check(history, plan.expectations), happenings, folder)
