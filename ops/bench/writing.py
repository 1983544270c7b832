"""Appending from many threads of one process."""

from dataclasses import dataclass
from random import Random
from threading import Barrier, Thread
from time import perf_counter

from eventsourcing.persistence import PersistenceError
from pymongo.errors import PyMongoError

from ops.bench.samples import appends
from ops.bench.stores import Store, StoreName, Stores

STORE_ERRORS = (PersistenceError, PyMongoError, RuntimeError, ValueError)
"""What an append may raise, of the library, the driver and UmaDB: a figure notes it and goes on."""


@dataclass(frozen=True)
class WriteCase:
    """`writers` threads, which append `events` at a time without a pause."""

    writers: int
    events: int


@dataclass(frozen=True)
class Written:
    """What was written; a latency is that of one append, in seconds."""

    events: int
    seconds: float
    latencies: list[float]
    failures: int
    first_failure: str

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds


def write(stores: Stores, name: StoreName, case: WriteCase, seconds: float, seed: int) -> Written:
    """Append to a store for that long; whatever is under way then is waited for and counted."""
    return write_to(stores.get(name, "writes"), case, seconds, seed)


def write_to(store: Store, case: WriteCase, seconds: float, seed: int) -> Written:
    """The same, to a store that is open."""
    rng = Random(seed)  # noqa: S311 - stream ids, nothing secret
    barrier = Barrier(case.writers + 1)
    writers = [
        _Writer(store, case.events, rng.getrandbits(64), seconds, barrier) for _ in range(case.writers)
    ]
    for writer in writers:
        writer.start()
    barrier.wait()
    began = perf_counter()
    for writer in writers:
        writer.join()
    elapsed = perf_counter() - began
    latencies = [latency for writer in writers for latency in writer.latencies]
    failures = [failure for writer in writers for failure in writer.failures]
    return Written(
        len(latencies) * case.events, elapsed, latencies, len(failures), failures[0] if failures else ""
    )


class _Writer(Thread):
    def __init__(self, store: Store, events: int, seed: int, seconds: float, barrier: Barrier) -> None:
        super().__init__(daemon=True)
        self._store = store
        self._appends = appends(store.states, events, seed)
        self._seconds = seconds
        self._barrier = barrier
        self.latencies: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        self._barrier.wait()
        now = perf_counter()
        end = now + self._seconds
        while now < end:
            events = next(self._appends)
            now = perf_counter()
            try:
                self._store.append(events)
            except STORE_ERRORS as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            else:
                self.latencies.append(perf_counter() - now)
            now = perf_counter()
