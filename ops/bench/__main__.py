"""Measure the event store beside a bare driver loop, the library's SQLite and PostgreSQL recorders, and UmaDB.

Everything runs on loopback, in a temporary folder, on servers started for it, which end with it.
"""

import argparse
import dataclasses
import secrets
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from ops.bench import machine
from ops.bench.figures import Row
from ops.bench.postgres import LocalPostgres, PostgresMissing
from ops.bench.profile import Shares
from ops.bench.report import table
from ops.bench.rounds import FULL, PROCESSES, QUICK, Bench
from ops.bench.stores import Addresses, StoreName
from ops.bench.umadb_peer import LocalUmaDB, UmaDBMissing
from ops.bench.worker import Worker
from ops.errors import OperatorError
from ops.local.mongod import LocalMongod
from ops.local.terminal import say

_PROFILED = (1, 32)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its table; 0 when all of it was measured that can be here."""
    options = _options(arguments)
    extent = QUICK if options.quick else FULL
    if options.rounds:
        extent = dataclasses.replace(extent, rounds=options.rounds)
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
            folder.chmod(0o711)  # the user that PostgreSQL runs as has to get through
            addresses, versions, notes = _start_servers(stack, folder, options.seed)
            names: list[StoreName] = ["store", "driver", "sqlite"]
            if addresses.postgres is not None:
                names.append("postgres")
            if addresses.umadb is not None:
                names.append("umadb")
            for line in machine.description(versions, folder):
                _print(line)
            _print(
                f"seed {options.seed}, {extent.rounds} round(s); figures are the median and ± half the range"
            )
            workers = [stack.enter_context(Worker(addresses)) for _ in range(PROCESSES + 1)]
            bench = Bench(workers, names, extent, options.seed, say)
            rows = bench.run()
            shares = {writers: bench.shares(writers) for writers in _PROFILED}
            _report(rows, shares, [*notes, *bench.notes])
    except OperatorError as error:
        say(f"bench: {error}")
        return 1
    return 0


def _start_servers(stack: ExitStack, folder: Path, seed: int) -> tuple[Addresses, dict[str, str], list[str]]:
    """The servers, their versions, and what to say about them."""
    mongod = stack.enter_context(LocalMongod(folder / "mongod", frugal=False))
    with MongoClient[dict[str, Any]](mongod.url) as client:
        versions = {"MongoDB": str(client.server_info()["version"])}
    notes = [
        "MongoDB: one member, sizes of its own choice, journaled majority writes, majority reads. The bare driver "
        "writes the same documents with the same unique index, without positions, order or atomicity.",
        f"SQLite: a file, WAL, synchronous={_sqlite_synchronous(folder)} (2 syncs each commit, 1 does not).",
    ]
    postgres = None
    try:
        server = stack.enter_context(LocalPostgres(folder))
    except PostgresMissing as error:
        notes.append(f"PostgreSQL is not measured: {error}.")
    else:
        postgres = server.environment
        versions["PostgreSQL"] = server.version()
        notes.append("PostgreSQL: its own defaults, which sync each commit.")
    umadb = None
    try:
        uma_server = stack.enter_context(LocalUmaDB(folder))
    except UmaDBMissing as error:
        notes.append(f"UmaDB is not measured: {error}.")
    else:
        umadb = uma_server.url
        versions["UmaDB"] = uma_server.version()
        notes.append("UmaDB: its own defaults, one node; an append is conditional on stream and version.")
    addresses = Addresses(
        mongod.url, f"bench_{secrets.token_hex(4)}", str(folder / "sqlite"), postgres, umadb, seed
    )
    return addresses, versions, notes


def _sqlite_synchronous(folder: Path) -> int:
    """What a connection has in WAL mode, as the library's recorder opens it: the library leaves it as it is."""
    connection = sqlite3.connect(folder / "sqlite.settings")
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])
    finally:
        connection.close()


def _report(rows: Sequence[Row | str], shares: dict[int, Shares], notes: Sequence[str]) -> None:
    _print("")
    for line in table(rows):
        _print(line)
    _print("")
    for line in (*_layers(shares), *notes):
        _print(line)
    _print(f"Load at the end: {machine.load()}.")


def _layers(shares: dict[int, Shares]) -> Iterator[str]:
    for writers, share in shares.items():
        yield (
            f"Of the time of an append among {writers} writer(s): encoding {share.encode:.0%}, waiting for its batch "
            f"{share.queue:.0%}, our code and the driver's {share.driver:.0%}, server {share.server:.0%}, "
            f"being woken {share.wake:.0%}; {share.per_batch:.1f} appends in a batch."
        )


def _print(line: str) -> None:
    say(line, sys.stdout)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=_positive, help="rounds of each measurement (5, or 1 with --quick)")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: to see that it works, in under a minute"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of ids, states and orders (%(default)s)")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of rounds: give one from 1 up")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
