"""The measurements, in rounds: in each, every store is measured in turn, each round in another order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import TypeAlias

from ops.bench.figures import Row, quantile
from ops.bench.mapping import Document, decode_bare, encode_bare, map_to_domain, map_to_stored
from ops.bench.profile import Shares, profile_writes
from ops.bench.reading import fill, read_domain_events, read_log, read_undecoded, replay
from ops.bench.stores import StoreName
from ops.bench.worker import Worker
from ops.bench.writing import WriteCase, Written, write

Say: TypeAlias = Callable[[str], None]

PROCESSES = 4
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
            "appending, from several processes",
            *self._processes(),
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
                for name in self._shuffled(number):
                    written = first.call(write, name, case, self._extent.seconds, self._next_seed())
                    self._note_failures(name, case, written)
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

    def _processes(self) -> list[Row]:
        alone = Row("1 x 32 writers", "events/s")
        others = [(Row(f"{PROCESSES} x {writers} writers", "events/s"), writers) for writers in (32, 8)]
        shares: dict[str, list[float]] = {row.what: [] for row, *_ in others}
        for worker in self._workers[:PROCESSES]:
            worker.call(write, "store", WriteCase(8, 1), self._extent.seconds / 2, self._next_seed())
        for _ in self._numbered_rounds("several processes"):
            alone.add("store", self._write_at_once("store", WriteCase(32, 1), 1)[0])
            for row, writers in others:
                rate, share = self._write_at_once("store", WriteCase(writers, 1), PROCESSES)
                row.add("store", rate)
                shares[row.what].append(share)
        for row, _ in others:
            ratios = [a / b for a, b in zip(row.rounds["store"], alone.rounds["store"], strict=True)]
            self.notes.append(
                f"{row.what}: {median(ratios):.2f} x one process of 32; the slowest process had "
                f"{min(shares[row.what]):.0%} of its share in the worst round (goal: 50%)."
            )
        return [alone, *(row for row, *_ in others)]

    def _write_at_once(self, name: StoreName, case: WriteCase, processes: int) -> tuple[float, float]:
        """Events per second of so many processes together, and what the slowest had of its share."""
        under_way = [
            worker.start(write, name, case, self._extent.seconds, self._next_seed())
            for worker in self._workers[:processes]
        ]
        written = [pending.result() for pending in under_way]
        for each in written:
            self._note_failures(name, case, each)
        events = [each.events for each in written]
        return sum(events) / max(each.seconds for each in written), min(events) * len(events) / sum(events)

    def _reads(self) -> list[Row]:
        first, events = self._workers[0], self._extent.log_events
        self._say(f"writing logs of {events:,} events to read")
        seed = self._next_seed()
        for name in self._names:
            if name != "driver":
                first.call(fill, name, events, seed)
        for name in self._names:
            first.call(read_log, name, events)
        first.call(read_undecoded, events)
        log = Row("the log, by pages of 1000", "events/s", goal="0.60 x bare driver")
        undecoded = Row("the same; the driver decodes nothing", "events/s", goal="0.60 x bare driver")
        domain = Row("the log, to domain events", "events/s")
        stream = Row("streams of 10 events", "streams/s")
        for number in self._numbered_rounds("reading"):
            for name in self._shuffled(number):
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
            for name in self._shuffled(number):
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

    def _shuffled(self, number: int) -> list[StoreName]:
        """A B C D, then B C D A, and so on."""
        turn = number % len(self._names)
        return [*self._names[turn:], *self._names[:turn]]

    def _next_seed(self) -> int:
        return self._random.getrandbits(64)

    def _note_failures(self, name: StoreName, case: WriteCase, written: Written) -> None:
        if written.failures:
            self.notes.append(
                f"{name}, {case.writers} writers: {written.failures} appends failed, the first with "
                f"{written.first_failure}"
            )


def _rate_row(case: WriteCase) -> Row:
    writers = "1 writer" if case.writers == 1 else f"{case.writers} writers"
    events = "1 event" if case.events == 1 else f"{case.events} events"
    goal = _GOALS.get((case.writers, case.events), "")
    return Row(f"{writers}, {events} an append", "events/s", goal=goal)
