"""The benchmark, in tiny sizes: it runs from end to end, prints its table and leaves nothing behind."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.bench.figures import Row, quantile
from ops.bench.report import table

ROOT = Path(__file__).parents[2]
TITLES = ("this store", "bare driver", "SQLite", "PostgreSQL", "UmaDB")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can get through to: PostgreSQL does not run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def test_the_table_is_printed_and_nothing_is_left(open_folder: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ops.bench", "--quick", "--rounds=1", "--seed=7"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(open_folder)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "seed 7" in run.stdout
    lines = run.stdout.splitlines()
    for writers in ("1 writer,", "8 writers,", "32 writers,", "128 writers,"):
        for events in ("1 event", "100 events"):
            row = next(line for line in lines if line.startswith(f"  {writers} {events} an append"))
            assert len(re.findall(r"[\d,.]+ ±\d+%", row)) >= 3
            assert len(re.findall(r"\d+\.\d\dx", row)) >= 2
    for what in (
        "1 process, 400 appends/s, p50",
        "4 processes, 400 appends/s, p99",
        "4 processes, 1,500 appends/s, p99",
        "the log, by pages",
        "streams of 10",
        "to a stored event",
        "a lone append, p99",
    ):
        assert any(line.startswith(f"  {what}") and "±" in line for line in lines)
    assert re.search(r"among 32 writer\(s\): encoding \d+%", run.stdout)
    assert "UmaDB is not measured: " in run.stdout or re.search(r"UmaDB \d+\.\d", run.stdout)
    assert "PostgreSQL is not measured: " in run.stdout or re.search(r"PostgreSQL \d+\.\d", run.stdout)
    assert str(open_folder) not in run.stdout
    assert not list(open_folder.iterdir())


def test_a_bad_number_of_rounds_is_refused() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ops.bench", "--rounds=0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    assert "0 is not a number of rounds: give one from 1 up" in run.stderr


def test_a_ratio_compares_figures_of_the_same_round() -> None:
    row = Row("appends", "events/s")
    for ours, theirs in ((100.0, 50.0), (300.0, 100.0), (30.0, 30.0)):
        row.add("store", ours)
        row.add("driver", theirs)
    assert row.figure("store") == "100 ±135%"
    assert row.ratio("driver") == "2.00x"
    assert row.ratio("sqlite") == ""


def test_columns_of_the_table_are_aligned() -> None:
    row = Row("appends", "events/s", goal="many")
    row.add("store", 12_345.6)
    head, line, heading, first = table(["appending", row])
    assert heading == "appending:"
    assert set(line) == {"-"}
    assert [title in head for title in TITLES] == [True] * 5
    assert first.index("12,346 ±0%") + len("12,346 ±0%") == head.index("this store") + len("this store")


@pytest.mark.parametrize(("share", "value"), [(0.5, 3.0), (0.99, 5.0), (0.0, 1.0)])
def test_quantiles(share: float, value: float) -> None:
    assert quantile([5.0, 1.0, 3.0, 2.0, 4.0], share) == value


def test_a_quantile_of_nothing_is_zero() -> None:
    assert quantile([], 0.5) == 0.0
