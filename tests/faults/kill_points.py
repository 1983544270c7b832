"""Points of an append at which a process ends itself, as by the power button.

They are events that the driver publishes of every command, so that they exist in any store that uses it.
"""

import os
import signal
import time
from threading import Lock, Thread
from typing import Literal

from pymongo import monitoring

KillPoint = Literal["before-send", "in-flight", "before-commit", "after-answer"]
KILL_POINTS: tuple[KillPoint, ...] = ("before-send", "in-flight", "before-commit", "after-answer")

_IN_FLIGHT_SECONDS = 0.003
_WRITES = {"insert", "commitTransaction"}


class DeathListener(monitoring.CommandListener):
    """Kills this process at the `after`-th time that it comes by `point`."""

    def __init__(self, point: KillPoint, after: int) -> None:
        self._point = point
        self._left = after
        self._lock = Lock()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        deadly = {"before-send": _WRITES, "before-commit": {"commitTransaction"}}
        if event.command_name in deadly.get(self._point, ()):
            self._come_by()
        elif self._point == "in-flight" and event.command_name in _WRITES:
            Thread(target=self._come_by_soon, daemon=True).start()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if self._point == "after-answer" and event.command_name in _WRITES:
            self._come_by()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """A command that failed is no point to die at."""

    def _come_by_soon(self) -> None:
        time.sleep(_IN_FLIGHT_SECONDS)  # long enough to be sent, too short to be answered
        self._come_by()

    def _come_by(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def arm(point: KillPoint, after: int) -> None:
    """From now on this process will die there; to be called before it makes a client."""
    monitoring.register(DeathListener(point, after))
