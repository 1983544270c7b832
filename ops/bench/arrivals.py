"""Appending as requests arrive: at their own rate, whether or not the store keeps up."""

import time
from dataclasses import dataclass
from itertools import count
from random import Random
from threading import Thread
from time import perf_counter

from ops.bench.samples import appends
from ops.bench.stores import Store, StoreName, Stores
from ops.bench.writing import STORE_ERRORS, Written

_THREADS = 64


@dataclass(frozen=True)
class Arrivals:
    """Single events that arrive at random, `per_second` in all, in so many `processes` alike."""

    processes: int
    per_second: int

    def __str__(self) -> str:
        return f"{self.processes} process{'es' if self.processes > 1 else ''}, {self.per_second:,} appends/s"


def append_arrivals(stores: Stores, name: StoreName, per_second: float, seconds: float, seed: int) -> Written:
    """Append what arrives in one process. A latency is the time from its arrival to its acknowledgement, in seconds."""
    rng = Random(seed)  # noqa: S311 - arrivals and stream ids, nothing secret
    moments, moment = [], rng.expovariate(per_second)
    while moment < seconds:
        moments.append(moment)
        moment += rng.expovariate(per_second)
    store, numbers, began = stores.get(name, "writes"), count(), perf_counter()
    callers = [_Caller(store, moments, numbers, began, rng.getrandbits(64)) for _ in range(_THREADS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    elapsed = perf_counter() - began
    latencies = [latency for caller in callers for latency in caller.latencies]
    failures = [failure for caller in callers for failure in caller.failures]
    return Written(len(latencies), elapsed, latencies, len(failures), failures[0] if failures else "")


class _Caller(Thread):
    """Serves one arrival after the other, each by the first thread that is free."""

    def __init__(
        self, store: Store, moments: list[float], numbers: "count[int]", began: float, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._store = store
        self._moments = moments
        self._numbers = numbers
        self._began = began
        self._appends = appends(store.states, 1, seed)
        self.latencies: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        for number in self._numbers:  # shared: each number is taken once
            if number >= len(self._moments):
                return
            events, arrival = next(self._appends), self._began + self._moments[number]
            time.sleep(max(0.0, arrival - perf_counter()))  # until it arrives
            try:
                self._store.append(events)
            except STORE_ERRORS as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            else:
                self.latencies.append(perf_counter() - arrival)
