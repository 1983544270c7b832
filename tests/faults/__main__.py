"""The fault suite, long: python -m tests.faults --seconds 600 --seed N"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import SystemRandom

from tests.faults.faults import FAULTS
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import Plan, Verdict, random_plan, run
from tests.faults.store import OUR_STORE


def main() -> int:
    """Run rounds until the time is up; 0 if all was well, 1 after the first violation."""
    options = _options()
    _say(f"fault suite: seed {options.seed}, {options.seconds:.0f} s, {options.module}")
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    deadline = time.monotonic() + options.seconds
    verdicts: list[Verdict] = []
    with ReplicaSet(folder / "set") as replica_set:
        while not verdicts or time.monotonic() < deadline:
            seed = options.seed + len(verdicts)
            verdict = run(_plan(seed, options), replica_set, folder / f"round{seed}")
            verdicts.append(verdict)
            _say(verdict.report())
            if verdict.violations:
                _say(
                    f"to replay it: python -m tests.faults --rounds 1 --seed {seed} --module {options.module}"
                )
                return 1
            shutil.rmtree(verdict.folder)
            if options.rounds and len(verdicts) >= options.rounds:
                break
    shutil.rmtree(folder)
    _print_totals(verdicts)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _plan(seed: int, options: argparse.Namespace) -> Plan:
    return random_plan(seed, options.module, options.only)


def _print_totals(verdicts: list[Verdict]) -> None:
    faults = Counter(name for verdict in verdicts for name in verdict.plan.faults)
    events = sum(len(verdict.history.log) for verdict in verdicts)
    _say(f"no violation in {len(verdicts)} rounds, {events} events, {faults.total()} faults:")
    for name in FAULTS:
        _say(f"  {faults[name]:4} {name}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
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
