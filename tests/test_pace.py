"""The stopwatch of the tests: it tells waiting from being kept waiting."""

import time

from tests.pace import Stopwatch


def test_waiting_counts_in_full() -> None:
    watch = Stopwatch()
    time.sleep(0.5)
    assert watch.elapsed() >= 0.5
    assert watch.seconds() <= watch.elapsed()


def test_what_keeps_every_thread_waiting_counts_little() -> None:
    """Here a computation in C that does not give the interpreter away, as a busy machine does to a process."""
    watch = Stopwatch()
    _ = sum(range(50_000_000))
    assert watch.seconds() < watch.elapsed() / 2
