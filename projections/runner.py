"""Projectors in threads: each follows the log until it is told to stop, and outlives whatever goes wrong outside."""

import logging
import random
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Self

from projections.folding import describe
from projections.ports import CannotFollow, CheckpointMoved
from projections.projector import Projector

_log = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
"""The longest wait for news. A wake-up ends it early, so it bounds the time to stop and not the latency."""

HEARTBEAT_SECONDS = 2.0
"""A heartbeat that is several of these old means that nobody keeps the projection up to date."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class ProjectorThread:
    """One projector that runs until it is stopped.

    What goes wrong is logged once per outage, tried again after a pause that doubles up to five seconds, and shows in
    the heartbeat, which is recorded only by a projector that gets on.
    """

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._name = projector.projection.storage
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"projector {self._name}", daemon=True)
        self._prepared = False
        self._failures = 0
        self._next_heartbeat = 0.0

    def start(self) -> None:
        self._thread.start()

    def request_stop(self) -> None:
        """Let the batch in hand be finished, and no other be begun."""
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
                self._stopping.wait(random.uniform(0, _FIRST_PAUSE))  # noqa: S311 - it only keeps rivals apart
            except Exception as error:  # noqa: BLE001 - a projector outlives every failure of what it depends on
                self._failed(error)
        try:
            self._projector.close()
        except Exception as error:  # noqa: BLE001 - there is nobody left to raise it to
            _log.warning("%s: could not sign off: %s", self._name, _reason(error))

    def _step(self) -> None:
        if not self._prepared:
            self._projector.prepare()
            self._prepared = True
        advanced = self._projector.advance()
        if self._failures:
            _log.info("%s: follows the log again", self._name)
            self._failures = 0
        if monotonic() >= self._next_heartbeat:
            self._projector.heartbeat()
            self._next_heartbeat = monotonic() + HEARTBEAT_SECONDS
        if not advanced:
            self._projector.wait(IDLE_SECONDS)

    def _failed(self, error: Exception) -> None:
        if not self._failures:
            _log.error("%s: cannot follow the log, tries again: %s", self._name, _reason(error))
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        self._stopping.wait(pause * random.uniform(0.5, 1))  # noqa: S311 - it only spreads the tries


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, CannotFollow) else describe(error)


class ProjectorGroup:
    """Several projectors, each in a thread of its own; a context manager that starts and stops them."""

    def __init__(self, projectors: Sequence[Projector]) -> None:
        self._threads = [ProjectorThread(projector) for projector in projectors]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Let every projector finish the batch in hand; False when one has not ended after `timeout` seconds."""
        for thread in self._threads:
            thread.request_stop()
        until = monotonic() + timeout
        return all(thread.join(max(0.0, until - monotonic())) for thread in self._threads)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
