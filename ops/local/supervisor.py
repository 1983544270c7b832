"""Starts processes one after the other, watches them, and stops them in the opposite order."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ops.errors import OperatorError
from ops.local.children import how_it_ended, last_log_line, start_child
from ops.local.stop_signals import StopSignals

_LOOK = 0.05  # seconds between two looks at the children
_HURRIED = 3.0  # seconds that a child has to end when there is no time
_TOO_SOON = 10.0  # seconds within which a second end is no accident
_LOOK_AT_LOGS = 10.0  # seconds between two looks at the sizes of the logs
_LONGEST_LOG = 64 * 1024 * 1024  # bytes


class ChildEnded(OperatorError):
    """A process that should run has ended, or is not ready in time."""


class Running(Protocol):
    """A process under supervision."""

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    def poll(self) -> int | None: ...
    def send(self, number: signal.Signals, /) -> None: ...


@dataclass(frozen=True)
class Child:
    """A process that the supervisor started."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    def poll(self) -> int | None:
        return self.process.poll()

    def send(self, number: signal.Signals, /) -> None:
        self.process.send_signal(number)


@dataclass
class _Part:
    """What runs, how many seconds it has to end, and how it is started again; `died_at` is when it last had to be."""

    child: Running
    grace: float
    start_again: Callable[[], Running] | None
    died_at: float | None = None


class Supervisor:
    """Holds what runs, in the order of its start. Leaving its context stops everything.

    While it watches, a part that dies is started again, so that an outage can be practised; one that dies twice within
    ten seconds ends everything. A log that grows too long is moved aside.

    `report` gets one line for each thing that a person at the terminal wants to know.
    """

    def __init__(self, stop: StopSignals, *, keep_open: Sequence[int], report: Callable[[str], None]) -> None:
        self._stop = stop
        self._keep_open = keep_open
        self._report = report
        self._parts: list[_Part] = []

    def start(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], grace: float
    ) -> Child:
        """Start a command; `grace` is how many seconds it has to end when asked to.

        Should the supervisor be killed, it is killed too: no process would be left to end it.
        """

        def launch() -> Child:
            process = start_child(
                command, log=log, env=env, keep_open=self._keep_open, death_signal=signal.SIGKILL
            )
            return Child(name, log, process)

        child = launch()
        self.add(child, grace=grace, start_again=launch)
        return child

    def add(self, child: Running, *, grace: float, start_again: Callable[[], Running] | None = None) -> None:
        """Supervise a process that was started elsewhere; `start_again` does so, should it die."""
        self._parts.append(_Part(child, grace, start_again))

    def run(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], timeout: float
    ) -> None:
        """Run a command to its end. Raises ChildEnded when it fails."""
        child = self.start(name, command, log=log, env=env, grace=_HURRIED)
        deadline = time.monotonic() + timeout
        while (code := child.poll()) is None:
            self._look(deadline, f"{name} does not come to an end: see {log}", but=child)
        self._parts = [part for part in self._parts if part.child is not child]
        if code:
            raise _ended(child, code)

    def wait_until(self, ready: Callable[[], bool], what: str, timeout: float) -> None:
        """Wait for something to become true while every child runs.

        Raises ChildEnded when a child ends or the time is over, StopRequested when asked to stop.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            self._look(deadline, f"{what} after {timeout:.0f} seconds")
        self.check()

    def watch(self) -> None:
        """Keep everything running. Raises ChildEnded when a part dies again and again, StopRequested."""
        look_at_logs = time.monotonic() + _LOOK_AT_LOGS
        while True:
            self._stop.check()
            for part in self._parts:
                code = part.child.poll()
                if code is not None:
                    self._start_again(part, code)
            if time.monotonic() >= look_at_logs:
                look_at_logs = time.monotonic() + _LOOK_AT_LOGS
                for part in self._parts:
                    move_aside_if_long(part.child.log)
            time.sleep(_LOOK)

    def _start_again(self, part: _Part, code: int) -> None:
        now = time.monotonic()
        if part.start_again is None or (part.died_at is not None and now - part.died_at < _TOO_SOON):
            raise _ended(part.child, code)
        self._report(f"{_ended(part.child, code)}; starting it again")
        part.child, part.died_at = part.start_again(), time.monotonic()

    def check(self) -> None:
        """Raise ChildEnded if a child has ended, StopRequested when asked to stop."""
        self._check(but=None)

    def _look(self, deadline: float | None, too_late: str, but: Running | None = None) -> None:
        self._check(but)
        if deadline is not None and time.monotonic() > deadline:
            raise ChildEnded(too_late)
        time.sleep(_LOOK)

    def _check(self, but: Running | None) -> None:
        self._stop.check()
        for part in self._parts:
            code = part.child.poll()
            if code is not None and part.child is not but:
                raise _ended(part.child, code)

    def stop_all(self) -> None:
        """End everything, the last one started first, each before the next. Returns when nothing is left."""
        while self._parts:
            part = self._parts.pop()
            if part.child.poll() is not None:
                continue
            self._report(f"stopping {part.child.name}")
            part.child.send(signal.SIGTERM)
            self._wait_for_end(part.child, part.grace)

    def _wait_for_end(self, child: Running, grace: float) -> None:
        asked = time.monotonic()
        hurried: float | None = None
        while child.poll() is None:
            now = time.monotonic()
            if self._stop.hurry and hurried is None:
                hurried = now
                for other in self._parts:
                    other.child.send(signal.SIGTERM)
            if now > asked + grace or (hurried is not None and now > hurried + _HURRIED):
                self._report(f"killing {child.name}: no end by itself in time")
                child.send(signal.SIGKILL)
                grace = float("inf")
                hurried = float("inf")
            time.sleep(_LOOK)

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()


def move_aside_if_long(log: Path, longest: int = _LONGEST_LOG) -> None:
    """Keep the log under about twice `longest` bytes: what there is goes to `<log>.1`, over what was there before.

    The process goes on writing to the same file, which it opened to append; lines written within these milliseconds are
    lost.
    """
    if log.exists() and log.stat().st_size > longest:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)


def _ended(child: Running, code: int) -> ChildEnded:
    ended = f"{child.name} ended unexpectedly ({how_it_ended(code)})"
    if code < 0:
        return ChildEnded(f"{ended}: see {child.log}")  # a signal leaves no time to log a reason
    words = last_log_line(child.log).removeprefix("meal-ledger: ")
    return ChildEnded(f"{ended}: {words} (log: {child.log})")
