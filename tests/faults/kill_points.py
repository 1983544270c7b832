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

_IN_FLIGHT_SECONDS = 0.002
_WRITES = {"insert", "commitTransaction"}
_FAILURES = {"writeErrors", "writeConcernError"}


class DeathListener(monitoring.CommandListener):
    """Kills this process at the `after`-th time that it comes by `point`.

    "in-flight" is some time after the command was handed to
    the driver and for certain before its answer was read: one that has been answered by then does not count.
    "after-answer" is when all that the command wrote is committed.
    """

    def __init__(self, point: KillPoint, after: int) -> None:
        self._point = point
        self._left = after
        self._lock = Lock()
        self._pending: set[int] = set()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name not in _WRITES:
            return
        with self._lock:
            self._pending.add(event.request_id)
        is_commit = event.command_name == "commitTransaction"
        if self._point == "before-send" or (self._point == "before-commit" and is_commit):
            self._come_by(event.request_id)
        elif event.command.get("autocommit") is False and not is_commit:
            self._forget(event.request_id)  # within a transaction nothing is committed
        elif self._point == "in-flight":
            Thread(target=self._come_by_soon, args=[event.request_id], daemon=True).start()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if self._point == "after-answer" and not _FAILURES & event.reply.keys():
            self._come_by(event.request_id)
        self._forget(event.request_id)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """A command that failed is no point to die at."""
        self._forget(event.request_id)

    def _forget(self, request: int) -> None:
        with self._lock:
            self._pending.discard(request)

    def _come_by_soon(self, request: int) -> None:
        time.sleep(_IN_FLIGHT_SECONDS)  # long enough to be sent, often too short to be answered
        self._come_by(request)

    def _come_by(self, request: int) -> None:
        with self._lock:
            if request not in self._pending:
                return
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def arm(point: KillPoint, after: int) -> None:
    """From now on this process will die there; to be called before it makes a client."""
    monitoring.register(DeathListener(point, after))
