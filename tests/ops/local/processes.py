"""Looking at processes, for tests that start and end them."""

import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[3]


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def eventually(truth: Callable[[], bool], timeout: float = 30.0) -> None:
    """Wait until something is true; an AssertionError if it is not in time."""
    deadline = time.monotonic() + timeout
    while not truth():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
