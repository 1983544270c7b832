"""The fault suite, long: python -m tests.faults --seconds 600 --seed N

Random rounds of all faults, one seed after the other. The tests beside this file are a selection of such rounds, and
prove that the checker finds broken stores out; they all run with `make test`, and none is left to run here.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import SystemRandom

from tests.faults.faults import FAULTS
from tests.faults.plans import random_plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import Verdict, run
from tests.faults.store import OUR_STORE


def main() -> int:
    """Run rounds until the time is up; 0 if all was well, 1 after the first violation."""
    options = _options()
    _say(f"fault suite: seed {options.seed}, {options.seconds:.0f} s, {options.module}")
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    deadline = time.monotonic() + options.seconds
    rounds = events = elections = rollbacks = cut_short = there = 0
    faults = Counter[str]()
    with ReplicaSet(folder / "set") as replica_set:
        while not rounds or (time.monotonic() < deadline and rounds != options.rounds):
            verdict = _round(options.seed + rounds, options, replica_set, folder)
            if verdict.violations:
                return 1
            rounds += 1
            events += len(verdict.history.log)
            faults.update(verdict.plan.faults)
            elections += sum(happening.elections for happening in verdict.happenings)
            rollbacks += sum(happening.rollbacks for happening in verdict.happenings)
            unanswered = verdict.history.cut_short()
            cut_short += len(unanswered)
            there += sum(map(verdict.history.is_there, unanswered))
    shutil.rmtree(folder)
    _say(f"no violation in {rounds} rounds, {events} events, {faults.total()} faults:")
    _say(
        f"{elections} elections, {rollbacks} roll-backs, {cut_short} appends cut short by death, {there} of them there"
    )
    _say("\n".join(f"  {faults[name]:4} {name}" for name in FAULTS))
    return 0


def _round(seed: int, options: argparse.Namespace, replica_set: ReplicaSet, folder: Path) -> Verdict:
    """The verdict on the round of a seed, which is reported; its journals stay if it is bad."""
    journals = folder / f"round{seed}"
    only = "".join(f" --only '{name}'" for name in options.only)
    replay = f"python -m tests.faults --rounds 1 --seed {seed} --module {options.module}{only}"
    try:
        verdict = run(random_plan(seed, options.module, options.only), replica_set, journals)
    except Exception:
        _say(f"seed {seed} could not be run to its end; journals: {journals}; to replay it: {replay}")
        raise
    _say(verdict.report())
    if verdict.violations:
        _say(f"to replay it: {replay}")
    else:
        shutil.rmtree(journals)
    return verdict


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds", type=float, default=600, help="begin rounds for so long, at least one (default 600)"
    )
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().randrange(1_000_000), help="of the first round"
    )
    parser.add_argument("--rounds", type=int, default=0, help="end after so many rounds")
    parser.add_argument("--module", default=OUR_STORE, help="the persistence module to try")
    parser.add_argument(
        "--only", action="append", default=[], choices=sorted(FAULTS), help="only this fault; repeatable"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
