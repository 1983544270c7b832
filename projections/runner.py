"""Projectors in threads: each follows the log until it is stopped, and outlives every failure outside."""

import logging
import random
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Self

from projections.errors import CheckpointMoved, SourceUnavailable
from projections.folding import describe
from projections.projector import Projector

_log = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
"""The longest wait for news. A wake-up ends it early, so it bounds the time to stop and not the latency."""

HEARTBEAT_SECONDS = 2.0
"""How often a projector inspects its storage and records a heartbeat.

A heartbeat that is several of these old means that no projector keeps the projection up to date.
"""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class ProjectorThread:
    """One projector that runs until it is stopped.

    A failure is logged once per outage, retried after a pause that doubles up to five seconds, and shows in the
    heartbeat, which is recorded only by a projector that makes progress.
    """

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._name = projector.projection.storage
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"projector {self._name}", daemon=True)
        self._inspected = False
        self._failures = 0
        self._next_heartbeat = 0.0

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        """Let the projector finish its batch and begin no other."""
        self._stopping.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end; False when it has not come after `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._step()
            except CheckpointMoved:
                self._inspected = False
                self._stopping.wait(random.uniform(0, _FIRST_PAUSE))  # noqa: S311 - it only keeps rivals apart
            except Exception as error:  # noqa: BLE001 - a projector outlives every failure of what it depends on
                self._inspected = False
                self._failed(error)
        try:
            self._projector.close()
        except Exception as error:  # noqa: BLE001 - the thread ends: no caller is left to raise it to
            _log.warning(
                "projector_heartbeat_not_deleted", extra={"projection": self._name, "error": _reason(error)}
            )

    def _step(self) -> None:
        heartbeat_due = monotonic() >= self._next_heartbeat
        if heartbeat_due or not self._inspected:
            self._projector.prepare()
            self._inspected = True
        advanced = self._projector.advance()
        if self._failures:
            _log.info("projection_resumed", extra={"projection": self._name, "failures": self._failures})
            self._failures = 0
        if heartbeat_due:
            self._projector.heartbeat()
            self._next_heartbeat = monotonic() + HEARTBEAT_SECONDS
        if not advanced:
            self._projector.wait(IDLE_SECONDS)

    def _failed(self, error: Exception) -> None:
        if not self._failures:
            _log.error("projection_paused", extra={"projection": self._name, "error": _reason(error)})
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        self._stopping.wait(pause * random.uniform(0.5, 1))  # noqa: S311 - it only spreads the retries


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, SourceUnavailable) else describe(error)


class ProjectorGroup:
    """Several projectors, each in a thread of its own; a context manager that starts and stops them."""

    def __init__(self, projectors: Sequence[Projector]) -> None:
        self._threads = [ProjectorThread(projector) for projector in projectors]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Let every projector finish its batch; False when one has not ended after `timeout` seconds."""
        for thread in self._threads:
            thread.request_stop()
        until = monotonic() + timeout
        return all(thread.join(max(0.0, until - monotonic())) for thread in self._threads)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
