"""Being told to stop, by a signal or through the parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.stop_signals import StopRequested, StopSignals, parent_stops
from tests.ops.local.processes import ROOT, eventually

RECIPE = """
import os, pathlib, sys, time
from ops.local.stop_signals import parent_stops
report = pathlib.Path(sys.argv[1])
report.write_text("waits")
deadline = time.monotonic() + 20
while not (seen := parent_stops(os.getppid())) and time.monotonic() < deadline:
    time.sleep(0.02)
report.write_text(f"seen {seen}")
"""


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_stop_signal_waits_until_it_is_checked(number: signal.Signals) -> None:
    stop = StopSignals()
    stop.check()
    signal.raise_signal(number)
    assert stop.requested
    assert stop.number == number
    with pytest.raises(StopRequested):
        stop.check()


def test_control_c_after_a_request_means_hurry() -> None:
    stop = StopSignals()
    signal.raise_signal(signal.SIGINT)
    assert not stop.hurry
    signal.raise_signal(signal.SIGINT)
    assert stop.hurry


def test_a_sigterm_that_comes_twice_does_not_mean_hurry() -> None:
    stop = StopSignals()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert stop.requested
    assert not stop.hurry


def test_nohup_is_respected() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = StopSignals()
    signal.raise_signal(signal.SIGHUP)
    assert not stop.requested


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_make_keeps_to_itself_is_seen(tmp_path: Path, number: signal.Signals) -> None:
    report = tmp_path / "report"
    recipe = tmp_path / "recipe.py"
    recipe.write_text(RECIPE)
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec {sys.executable} {recipe} {report}\n")
    with subprocess.Popen(
        ["make", "-f", str(tmp_path / "Makefile")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    ) as make:
        eventually(lambda: report.exists() and report.read_text() == "waits")
        make.send_signal(number)
        make.wait(30)
    assert report.read_text() == "seen True"


def test_a_parent_without_such_a_signal_does_not_stop() -> None:
    assert not parent_stops(os.getppid())


def test_a_process_that_is_not_there_handles_nothing() -> None:
    assert not parent_stops(2**22 + 1)
