"""Time by the pace of an idle machine, so that no test fails because other programs run."""

import time
from itertools import count
from threading import Event, Thread
from weakref import finalize

_TICK_SECONDS = 0.01


class Stopwatch:
    """Starts at once.

    A thread that only sleeps, for a hundredth of a second again and again, tells the pace: where it wakes late, every
    thread of this machine is late.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ticks: list[int] = []
        self._stopped = Event()
        self._thread = Thread(target=_tick, args=(self._stopped, self._ticks), name="stopwatch", daemon=True)
        self._thread.start()
        finalize(self, self._stopped.set)

    def elapsed(self) -> float:
        """Seconds of the clock since the start."""
        return time.monotonic() - self._began

    def seconds(self) -> float:
        """Stop, and return the seconds by the pace of an idle machine: never more than those of the clock."""
        elapsed = self.elapsed()
        self._stopped.set()
        self._thread.join()
        return min(elapsed, (len(self._ticks) + 1) * _TICK_SECONDS)


def _tick(stopped: Event, ticks: list[int]) -> None:
    for number in count():
        if stopped.wait(_TICK_SECONDS):
            return
        ticks.append(number)
