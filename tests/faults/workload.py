"""Writers of an event store, which log each call before it is made and after it has been answered."""

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent

from tests.faults.history import Began, Ended, Journal, Outcome, Place
from tests.faults.store import OpenStore

_OWN_STREAM_LENGTH = 40
_SHARED_STREAM_LENGTH = 150
_SHARED_STREAMS = 3
_MOST_EVENTS = 5
_SETTLING_SECONDS = 30.0
_RECENT_STREAMS = 30

Mix = Literal["all", "own", "shared"]
"""What writers append: all there is, as fast as they can; or single events, to own or to shared streams, at leisure."""

_LONGEST_PAUSE: dict[Mix, float] = {"all": 0.01, "own": 0.1, "shared": 0.1}

# How often so many events are wanted of an own stream and of a shared one; a 2 stands for "several".
_WEIGHTS: dict[Mix, dict[tuple[int, int], int]] = {
    "all": {(1, 0): 50, (2, 0): 10, (0, 1): 16, (0, 2): 8, (1, 1): 8, (2, 1): 8},
    "own": {(1, 0): 1},
    "shared": {(0, 1): 1},
}


def stream_named(name: str) -> str:
    """The id of a stream with this name."""
    return str(uuid5(NAMESPACE_URL, f"tests/faults/{name}"))


class Streams:
    """Which streams the writers of a process are busy with, for their readers."""

    def __init__(self) -> None:
        self.own: list[str] = []
        self.shared: dict[int, str] = {}

    def choose(self, random: Random) -> str:
        """A shared stream, or one of the latest others."""
        shared = list(self.shared.values())
        return random.choice(shared if shared and random.random() < 0.5 else self.own[-_RECENT_STREAMS:])


class Caller:
    """Makes calls of `insert_events` and writes down what becomes of them."""

    def __init__(self, store: OpenStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._count = 0

    def append(self, places: Sequence[Place]) -> Ended:
        """Append an event at each of these places; an unknown outcome is asked for again, with the append's id."""
        self._count += 1
        call = f"{self._journal.name}-{self._count}"
        events = self._store.stored(places, call)
        self._journal.write(Began(call, time.monotonic(), list(places)))
        end, append_id = self._call(call, events, None)
        deadline = time.monotonic() + _SETTLING_SECONDS
        while append_id is not None and time.monotonic() < deadline:
            end, append_id = self._call(call, events, append_id)
        return end

    def _call(
        self, call: str, events: Sequence[StoredEvent], append_id: UUID | None
    ) -> tuple[Ended, UUID | None]:
        again = {} if append_id is None else {"append_id": append_id}
        outcome: Outcome
        positions: list[int] = []
        error, unknown = "", None
        try:
            positions = list(self._store.recorder.insert_events(events, **again) or ())
            outcome = "appended"
        except IntegrityError as refusal:
            outcome, error = "refused", str(refusal)
        except PersistenceError as failure:
            unknown = getattr(failure, "append_id", None)
            outcome, error = (
                "failed" if unknown is None else "unknown",
                f"{type(failure).__name__}: {failure}",
            )
        end = Ended(call, time.monotonic(), outcome, positions, error[:300])
        self._journal.write(end)
        return end, unknown


class Writer(Thread):
    """Appends until it is told to stop: single events and several at once, to streams of its own and to shared ones.

    To a shared stream it appends as an application does: it reads the last version, then wants the next. Some appends
    are to both, the shared one last, so that a conflict there must undo what was wanted before it.
    """

    def __init__(
        self,
        store: OpenStore,
        journals: Path,
        name: str,
        random: Random,
        *,
        streams: Streams,
        mix: Mix,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.stopping = Event()
        self._store = store
        self._journals = journals
        self._random = random
        self._streams = streams
        self._mix = mix
        self._own_number = 0
        self._generations = [0] * _SHARED_STREAMS
        self._begin_stream()

    def run(self) -> None:
        with Journal(self._journals, self.name) as journal:
            caller = Caller(self._store, journal)
            while not self.stopping.wait(self._random.uniform(0, _LONGEST_PAUSE[self._mix])):
                self._append_something(caller)

    def _append_something(self, caller: Caller) -> None:
        weights = _WEIGHTS[self._mix]
        own, shared = self._random.choices(list(weights), list(weights.values()))[0]
        own, shared = self._several_for_2(own), self._several_for_2(shared)
        places = [Place(self._own, self._own_version + number + 1) for number in range(own)]
        if shared:
            stream, version = self._end_of_shared_stream()
            places += [Place(stream, version + number + 1) for number in range(shared)]
        outcome = caller.append(places).outcome
        if outcome == "appended":
            self._own_version += own
        elif outcome != "failed" and not shared:
            self._begin_stream()  # whatever happened to the old one is for the checker
        if self._own_version >= _OWN_STREAM_LENGTH:
            self._begin_stream()

    def _several_for_2(self, count: int) -> int:
        return self._random.randint(2, _MOST_EVENTS) if count == 2 else count

    def _begin_stream(self) -> None:
        self._own_number += 1
        self._own = stream_named(f"{self.name} {self._own_number}")
        self._own_version = 0
        self._streams.own.append(self._own)

    def _end_of_shared_stream(self) -> tuple[str, int]:
        number = self._random.randrange(_SHARED_STREAMS)
        while True:
            stream = stream_named(f"shared {number} {self._generations[number]}")
            last = self._store.recorder.select_events(UUID(stream), desc=True, limit=1)
            version = last[0].originator_version if last else 0
            if version < _SHARED_STREAM_LENGTH:
                self._streams.shared[number] = stream
                return stream, version
            self._generations[number] += 1
