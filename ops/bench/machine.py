"""What the figures were measured on, without a name of a host or a path."""

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

_SYNCS = 50


def description(servers: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Lines; `servers` are the versions of the servers that run, `folder` is where the databases are."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    yield f"{_processor()}, {cores} cores, {memory:.0f} GiB; {platform.system()} {platform.machine()}"
    yield (
        f"Python {platform.python_version()}, eventsourcing {version('eventsourcing')}, "
        f"pymongo {version('pymongo')}, SQLite {sqlite3.sqlite_version}"
        + "".join(f", {name} {number}" for name, number in servers.items())
    )
    yield f"a write of 4 KiB and its sync to disk: {_sync_seconds(folder) * 1000:.2f} ms; load {load()} at the start"


def load() -> str:
    """Processes that wanted to run, on average over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _sync_seconds(folder: Path) -> float:
    seconds = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            began = perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            seconds.append(perf_counter() - began)
    return median(seconds)
