"""The measurements, in rounds: in each, every store is measured in turn, each round in another order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import TypeAlias

from ops.bench.arrivals import Arrivals, append_arrivals
from ops.bench.figures import Row, quantile
from ops.bench.mapping import Document, decode_bare, encode_bare, map_to_domain, map_to_stored
from ops.bench.profile import Shares, profile_writes
from ops.bench.reading import fill, read_domain_events, read_log, read_undecoded, replay
from ops.bench.stores import StoreName
from ops.bench.worker import Worker
from ops.bench.writing import WriteCase, Written, write

Say: TypeAlias = Callable[[str], None]

PROCESSES = 4
_ARRIVALS = (Arrivals(1, 400), Arrivals(3, 60), Arrivals(3, 200), Arrivals(4, 400), Arrivals(4, 1500))
_GOALS = {
    (32, 1): "8 x PostgreSQL, 2 x SQLite",
    (32, 100): "0.60 x bare driver",
}

_BESIDE: dict[Document, str] = {"state": "the state alone", "event": "the stored event's document"}


@dataclass(frozen=True)
class Extent:
    """How much is measured: `seconds` of writing in each cell, events in the log that is read."""

    rounds: int
    seconds: float
    log_events: int
    replays: int
    mappings: int


FULL = Extent(rounds=5, seconds=1.5, log_events=50_000, replays=500, mappings=100)
QUICK = Extent(rounds=1, seconds=0.2, log_events=2_000, replays=20, mappings=2)


class Bench:
    """One run. `rows` fills with what was measured; `notes` with what should be known of it."""

    def __init__(
        self, workers: Sequence[Worker], names: Sequence[StoreName], extent: Extent, seed: int, say: Say
    ) -> None:
        self._workers = workers
        self._names = names
        self._extent = extent
        self._random = Random(seed)  # noqa: S311 - orders and stream ids
        self._seed = seed
        self._say = say
        self.notes: list[str] = []

    def run(self) -> list[Row | str]:
        """Measure everything; the rows of the table, with headings."""
        return [
            "appending, from one process",
            *self._writes(),
            "appending single events as they arrive, whether or not the store keeps up",
            *self._arrivals(),
            "reading",
            *self._reads(),
            "mapping an event of about a kilobyte; the bare driver encodes and decodes",
            *self._mappings(),
        ]

    def shares(self, writers: int) -> Shares:
        """Where the time of single appends goes."""
        self._say(f"profile of {writers} writers")
        case = WriteCase(writers, 1)
        return self._workers[-1].call(profile_writes, case, self._extent.seconds, self._next_seed())

    def _writes(self) -> list[Row]:
        cases = [WriteCase(writers, events) for events in (1, 100) for writers in (1, 8, 32, 128)]
        rates = {case: _rate_row(case) for case in cases}
        p50 = Row("a lone append, p50", "ms", "1.10 x bare driver")
        p99 = Row("a lone append, p99", "ms")
        crowded = Row("an append among 32 writers, p99", "ms", "8 x p50 of a lone append")
        first = self._workers[0]
        for name in self._names:
            for case in (cases[0], cases[4], cases[2]):
                first.call(write, name, case, self._extent.seconds / 2, self._next_seed())
        for number in self._numbered_rounds("appending"):
            for case in cases:
                for name in _rotated(self._names, number):
                    written = first.call(write, name, case, self._extent.seconds, self._next_seed())
                    self._note_failures(name, f"{case.writers} writers", written)
                    rates[case].add(name, written.rate)
                    if case == WriteCase(1, 1):
                        p50.add(name, quantile(written.latencies, 0.5) * 1000)
                        p99.add(name, quantile(written.latencies, 0.99) * 1000)
                    elif case == WriteCase(32, 1):
                        crowded.add(name, quantile(written.latencies, 0.99) * 1000)
        ratios = [
            tail / lone for tail, lone in zip(crowded.rounds["store"], p50.rounds["store"], strict=True)
        ]
        self.notes.append(
            f"p99 among 32 writers is {median(ratios):.1f} x the p50 of a lone append (goal: below 8)."
        )
        return [*rates.values(), p50, p99, crowded]

    def _arrivals(self) -> list[Row]:
        names = self._all_but("driver")
        rows = {case: (Row(f"{case}, p50", "ms"), Row(f"{case}, p99", "ms")) for case in _ARRIVALS}
        unfair: dict[Arrivals, list[float]] = {case: [] for case in _ARRIVALS}
        for worker in self._workers[:PROCESSES]:
            for name in names:
                worker.call(append_arrivals, name, 50.0, self._extent.seconds / 2, self._next_seed())
        for number in self._numbered_rounds("appending as requests arrive"):
            for case in _ARRIVALS:
                for name in _rotated(names, number):
                    written = self._append_arrivals(name, case)
                    latencies = [latency for each in written for latency in each.latencies]
                    for row, share in zip(rows[case], (0.5, 0.99), strict=True):
                        row.add(name, quantile(latencies, share) * 1000)
                    if name == "store":
                        tails = [quantile(each.latencies, 0.99) for each in written]
                        unfair[case].append(max(tails) / min(tails))
        for case, ratios in unfair.items():
            if case.processes > 1:
                self.notes.append(
                    f"{case}: the p99 of the slowest process is {median(ratios):.1f} x that of the quickest (goal: 2)."
                )
        return [row for both in rows.values() for row in both]

    def _append_arrivals(self, name: StoreName, case: Arrivals) -> list[Written]:
        each = case.per_second / case.processes
        under_way = [
            worker.start(append_arrivals, name, each, 2 * self._extent.seconds, self._next_seed())
            for worker in self._workers[: case.processes]
        ]
        written = [pending.result() for pending in under_way]
        for result in written:
            self._note_failures(name, str(case), result)
        return written

    def _reads(self) -> list[Row]:
        first, events = self._workers[0], self._extent.log_events
        self._say(f"writing logs of {events:,} events to read")
        seed = self._next_seed()
        for name in self._all_but("driver", "umadb"):
            first.call(fill, name, events, seed)
        for name in self._all_but("umadb"):
            first.call(read_log, name, events)
        first.call(read_undecoded, events)
        log = Row("the log, by pages of 1000", "events/s", goal="0.60 x bare driver")
        undecoded = Row("the same; the driver decodes nothing", "events/s", goal="0.60 x bare driver")
        domain = Row("the log, to domain events", "events/s")
        stream = Row("streams of 10 events", "streams/s")
        for number in self._numbered_rounds("reading"):
            for name in _rotated(self._all_but("umadb"), number):
                figure = first.call(read_log, name, events)
                log.add(name, figure)
                if name == "store":
                    undecoded.add("store", figure)
                if name == "driver":
                    undecoded.add("driver", first.call(read_undecoded, events))
                else:
                    domain.add(name, first.call(read_domain_events, name, events))
                stream.add(name, first.call(replay, name, self._extent.replays, seed))
        wire = 1 / median(undecoded.rounds["driver"])
        apart, whole = 1 / median(log.rounds["store"]), 1 / median(domain.rounds["store"])
        self.notes.append(
            f"Of the time to read the log to domain events: driver and server {wire / whole:.0%}, "
            f"taking documents apart {(apart - wire) / whole:.0%}, decoding and mapping {(whole - apart) / whole:.0%}."
        )
        return [log, undecoded, domain, stream]

    def _mappings(self) -> list[Row]:
        first, count = self._workers[0], self._extent.mappings
        rows: dict[Document, tuple[Row, Row, Row]] = {
            document: (
                Row(f"to a stored event; {beside}", "µs", "1.30 x bare driver"),
                Row(f"to a domain event; {beside}", "µs", "1.30 x bare driver"),
                Row(f"there and back; {beside}", "µs", "1.30 x bare driver"),
            )
            for document, beside in _BESIDE.items()
        }
        for number in self._numbered_rounds("mapping"):
            for name in _rotated(self._all_but("umadb"), number):
                if name != "driver":
                    out, back = first.call(map_to_stored, name, count), first.call(map_to_domain, name, count)
                for document, (to_stored, to_domain, both) in rows.items():
                    if name == "driver":
                        out = first.call(encode_bare, document, count)
                        back = first.call(decode_bare, document, count)
                    for row, figure in ((to_stored, out), (to_domain, back), (both, out + back)):
                        row.add(name, figure)
        return [row for three in rows.values() for row in three]

    def _numbered_rounds(self, what: str) -> range:
        self._say(f"{what}: {self._extent.rounds} round(s)")
        return range(self._extent.rounds)

    def _all_but(self, *excluded: StoreName) -> list[StoreName]:
        return [name for name in self._names if name not in excluded]

    def _next_seed(self) -> int:
        return self._random.getrandbits(64)

    def _note_failures(self, name: StoreName, what: str, written: Written) -> None:
        if written.failures:
            self.notes.append(
                f"{name}, {what}: {written.failures} appends failed, the first with {written.first_failure}"
            )


def _rotated(names: Sequence[StoreName], number: int) -> list[StoreName]:
    """A B C D, then B C D A, and so on."""
    turn = number % len(names)
    return [*names[turn:], *names[:turn]]


def _rate_row(case: WriteCase) -> Row:
    writers = "1 writer" if case.writers == 1 else f"{case.writers} writers"
    events = "1 event" if case.events == 1 else f"{case.events} events"
    goal = _GOALS.get((case.writers, case.events), "")
    return Row(f"{writers}, {events} an append", "events/s", goal=goal)
