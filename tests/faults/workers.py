"""Processes of writers, seen from the one that starts, freezes and kills them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ops.local.children import last_log_line, start_child
from tests.faults.process import Assignment

_ROOT = Path(__file__).parents[2]
_LOOK_SECONDS = 0.02


class Worker:
    """One such process. It is killed with the thread that made it."""

    def __init__(self, assignment: Assignment, folder: Path) -> None:
        self.name = assignment.name
        self._journals = Path(assignment.journals)
        self._log = folder / f"{self.name}.log"
        path = folder / f"{self.name}.json"
        path.write_bytes(msgspec.json.encode(assignment))
        self._process: subprocess.Popen[bytes] = start_child(
            [sys.executable, "-m", "tests.faults.process", path],
            log=self._log,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            death_signal=signal.SIGKILL,
        )

    def wait_until_busy(self, timeout: float = 30.0) -> None:
        """Wait until it has had an answer. Raises TimeoutError, also when the process has ended."""
        self._wait(lambda: any(b'"Ended"' in path.read_bytes() for path in self._writers_journals()), timeout)

    def wait_until_dead(self, timeout: float) -> None:
        """Wait until it has killed itself. Raises TimeoutError when it has not."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"process {self.name} has not come by its point of death") from None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop_writing(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait_until_ended(self, timeout: float) -> None:
        """Wait until it has ended in order. Raises TimeoutError, or RuntimeError when it crashed."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"process {self.name} does not end") from None
        if code != 0:
            raise RuntimeError(f"process {self.name} ended with {code}: {last_log_line(self._log)}")

    def wait_until_written(self, timeout: float) -> None:
        """Wait until all its writers have had their last answer. Raises TimeoutError, RuntimeError when it crashed."""
        self._wait(self.has_stopped_writing, timeout)
        if self._process.poll() is not None:
            raise RuntimeError(f"process {self.name} has ended: {last_log_line(self._log)}")

    def has_stopped_writing(self) -> bool:
        """Whether all its writers have ended, or the process has."""
        if self._process.poll() is not None:
            return True
        journals = self._writers_journals()
        return bool(journals) and all(b'"Stopped"' in path.read_bytes()[-2000:] for path in journals)

    def _writers_journals(self) -> list[Path]:
        return list(self._journals.glob(f"{self.name}.writer*.jsonl"))

    def _wait(self, done: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not done():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TimeoutError(f"process {self.name} is not at work: {last_log_line(self._log)}")
            time.sleep(_LOOK_SECONDS)  # a look at another process from time to time, bounded by the deadline
