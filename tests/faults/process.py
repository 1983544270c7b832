"""A process of writers, to be killed or frozen: python -m tests.faults.process ASSIGNMENT

It writes until SIGTERM, then waits for the file `ends` among the journals, lets its followers see the end and ends.
"""

import signal
import sys
import time
from pathlib import Path
from threading import Event

import msgspec

from tests.faults.crew import Crew
from tests.faults.kill_points import KillPoint, arm
from tests.faults.store import Store
from tests.faults.workload import Mix

ENDS_FILE = "ends"
_END_SECONDS = 120.0


class Assignment(msgspec.Struct, frozen=True):
    """What a process has to do."""

    name: str
    module: str
    url: str
    database: str
    settings: dict[str, str]
    journals: str
    seed: int
    writers: int
    mix: Mix
    kill_at: KillPoint | None = None
    kill_after: int = 0


def work(assignment: Assignment, stop: Event) -> None:
    """Write and follow until `stop` is set; see the module."""
    if assignment.kill_at is not None:
        arm(assignment.kill_at, assignment.kill_after)
    store = Store(assignment.module, assignment.url, assignment.database, assignment.settings)
    journals = Path(assignment.journals)
    with store.open() as opened:
        crew = Crew(
            opened,
            journals,
            assignment.name,
            assignment.seed,
            writers=assignment.writers,
            mix=assignment.mix,
            readers=False,
        )
        crew.start()
        stop.wait()
        crew.stop_writing(_END_SECONDS)
        crew.finish(_await_ends(journals / ENDS_FILE))


def _await_ends(path: Path) -> dict[str, int]:
    deadline = time.monotonic() + _END_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} was not written in time")
        time.sleep(0.05)  # a look at another process from time to time, bounded by the deadline
    return msgspec.json.decode(path.read_bytes(), type=dict[str, int])


def main() -> None:
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    work(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Assignment), stop)


if __name__ == "__main__":
    main()
