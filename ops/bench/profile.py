"""In which layer the time of an append goes: the store's recorder, with a look at the clock between its layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from threading import local
from time import perf_counter
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from pymongo import monitoring

from adapters.mongo.append.append import Append
from adapters.mongo.append.append_ids import new_append_id
from adapters.mongo.append.group_commit import GroupCommit
from adapters.mongo.append.writer import Admit, BatchLimits, BatchWriter
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.datastore import MongoDatastore
from adapters.mongo.event_store import MongoApplicationRecorder
from ops.bench.stores import LibraryStore, Stores, Writes, environment
from ops.bench.writing import WriteCase, write_to


@dataclass
class Moments:
    """Of one append: when it was handed in, queued, taken, written and answered; `server`, seconds in commands."""

    handed_in: float
    queued: float = 0.0
    taken: float = 0.0
    written: float = 0.0
    answered: float = 0.0
    server: float = 0.0


@dataclass(frozen=True)
class Shares:
    """Shares of the time of an append, from handing it in to the answer; `per_batch`, appends in one batch."""

    encode: float
    queue: float
    driver: float
    server: float
    wake: float
    per_batch: float


class ServerTime(monitoring.CommandListener):
    """How long the commands of the present thread were out, by the driver's own account."""

    def __init__(self) -> None:
        self._here = local()

    def take(self) -> float:
        """Seconds since it was taken last."""
        seconds: float = getattr(self._here, "seconds", 0.0)
        self._here.seconds = 0.0
        return seconds

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._add(event.duration_micros)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._add(event.duration_micros)

    def _add(self, micros: int) -> None:
        self._here.seconds = getattr(self._here, "seconds", 0.0) + micros / 1e6


class ProfiledRecorder(MongoApplicationRecorder):
    """Notes the moments of every append. For a process of its own: it listens to every client made from then on."""

    def __init__(self, datastore: MongoDatastore, **collections: Any) -> None:
        super().__init__(datastore, **collections)
        self.moments: dict[UUID, Moments] = {}
        self.batches = 0
        settings = datastore.settings
        limits = BatchLimits(settings.attempt_timeout, settings.max_batch_events, settings.max_batch_bytes)
        self._group = _TimedGroup(
            self,
            _TimedWriter(self, self.log, limits, datastore.app_name),
            limits.max_events,
            limits.max_bytes,
            settings.max_queued_appends,
        )
        datastore.add_writer(self._group)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, append_id: UUID | None = None, **rest: Any
    ) -> Sequence[int] | None:
        key = append_id or new_append_id()
        moments = self.moments[key] = Moments(perf_counter())
        positions = super().insert_events(stored_events, append_id=key, **rest)
        moments.answered = perf_counter()
        return positions


class _TimedGroup(GroupCommit):
    def __init__(self, recorder: ProfiledRecorder, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._recorder = recorder

    def submit(self, append: Append) -> None:
        self._recorder.moments[append.append_id].queued = perf_counter()
        super().submit(append)


class _TimedWriter(BatchWriter):
    def __init__(self, recorder: ProfiledRecorder, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._recorder = recorder

    def write(self, appends: Sequence[Append], admit: Admit, deadline: Deadline) -> None:
        _SERVER_TIME.take()
        taken = perf_counter()
        super().write(appends, admit, deadline)
        written, server = perf_counter(), _SERVER_TIME.take()
        self._recorder.batches += 1
        for append in appends:
            moments = self._recorder.moments[append.append_id]
            moments.taken, moments.written, moments.server = taken, written, server


_SERVER_TIME = ServerTime()


@cache
def _listen() -> None:
    """Listen to every client that is made from now on; once, or each command would count twice."""
    monitoring.register(_SERVER_TIME)


def profile_writes(stores: Stores, case: WriteCase, seconds: float, seed: int) -> Shares:
    """Where the time of the store's appends goes."""
    _listen()
    settings = environment(stores.addresses, "store", "writes")
    settings["APPLICATION_RECORDER_TOPIC"] = f"{__name__}:{ProfiledRecorder.__name__}"
    store = LibraryStore(Writes(settings), stores.addresses.seed)
    try:
        recorder = store.recorder
        if not isinstance(recorder, ProfiledRecorder):
            raise TypeError("the recorder is not the one asked for")
        write_to(store, case, min(seconds, 0.3), seed)
        recorder.moments.clear()
        recorder.batches = 0
        write_to(store, case, seconds, seed + 1)
        return _shares([each for each in recorder.moments.values() if each.answered], recorder.batches)
    finally:
        store.close()


def _shares(all_moments: Sequence[Moments], batches: int) -> Shares:
    total = sum(each.answered - each.handed_in for each in all_moments)
    server = sum(each.server for each in all_moments)
    return Shares(
        encode=sum(each.queued - each.handed_in for each in all_moments) / total,
        queue=sum(each.taken - each.queued for each in all_moments) / total,
        driver=(sum(each.written - each.taken for each in all_moments) - server) / total,
        server=server / total,
        wake=sum(each.answered - each.written for each in all_moments) / total,
        per_batch=len(all_moments) / batches,
    )
