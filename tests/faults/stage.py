"""Where faults happen: a replica set, a store on it, and its writers and followers."""

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import msgspec

from tests.faults.crew import Crew
from tests.faults.events import topic_of
from tests.faults.history import History, Journal, Pause, Place, gather
from tests.faults.kill_points import KillPoint
from tests.faults.members import copies_of_members
from tests.faults.process import ENDS_FILE, Assignment
from tests.faults.replica_set import ReplicaSet
from tests.faults.seeds import random_of
from tests.faults.store import OpenStore, Store
from tests.faults.workers import Worker
from tests.faults.workload import Caller, Mix, stream_named

WRITERS_PER_PROCESS = 3
_LOOK_SECONDS = 0.05
_USUAL_APPEND_SECONDS = 0.02
"""What an append takes to a set of three members on two cores that have nothing else to do, generously."""


class Stage:
    """One store under work, in this process (`main`) and in others.

    `random` decides what faults do. To be used from the main thread only, since processes die with the
    thread that started them.
    """

    def __init__(
        self, replica_set: ReplicaSet, store: Store, folder: Path, seed: int, *, deadline: float, mix: Mix
    ) -> None:
        self.replica_set = replica_set
        self.store = store
        self.random = random_of(seed, "faults")
        self.killed: set[str] = set()
        self._seed = seed
        self._mix: Mix = mix
        self._deadline = deadline
        self._folder = folder
        self._journals = folder / "journals"
        self._journals.mkdir(parents=True)
        self._workers: dict[str, Worker] = {}
        self._started = 0
        self._pauses: list[Pause] = []
        self._crew: Crew | None = None

    def open(self, store: OpenStore, writers: int) -> None:
        """Let writers and readers of this process begin."""
        self._crew = Crew(
            store, self._journals, "main", self._seed, writers=writers, mix=self._mix, readers=True
        )
        self._crew.start()

    def start_worker(
        self,
        kill_at: KillPoint | None = None,
        kill_after: int = 0,
        *,
        writers: int = WRITERS_PER_PROCESS,
        url: str = "",
    ) -> Worker:
        """Start a process of writers, one that will kill itself if a point is given.

        `url`: on another way to the replica set.
        """
        self._started += 1
        name = f"process{self._started}"
        assignment = Assignment(
            name,
            self.store.module,
            url or self.store.url,
            self.store.database,
            dict(self.store.settings),
            str(self._journals),
            self._seed,
            writers,
            self._mix,
            kill_at,
            kill_after,
        )
        self._workers[name] = Worker(assignment, self._folder)
        return self._workers[name]

    def busy_worker(self) -> Worker:
        """A process of writers that is at work: one that is there, else a new one."""
        worker = next(iter(self._workers.values()), None) or self.start_worker()
        worker.wait_until_busy()
        return worker

    def mark_killed(self, worker: Worker) -> None:
        """This process is dead, or as good as: it may leave calls without an answer."""
        self.killed.add(worker.name)
        self._workers.pop(worker.name, None)

    def retire(self, worker: Worker) -> None:
        """Let the writers of this process come to their end, all answered, and kill it: its readers end there.

        Raises TimeoutError when they do not.
        """
        worker.stop_writing()
        worker.wait_until_written(self._deadline + 5)
        worker.kill()
        self.mark_killed(worker)

    def excuse(self, began: float, who: str = "") -> None:
        """From `began` until now no caller could expect an answer, or none in the process `who`."""
        self._pauses.append(Pause(began, time.monotonic(), who))

    def finish(self) -> History:
        """Heal the set, let writers and readers end, and gather what they have seen, and what is there."""
        assert self._crew is not None
        self.replica_set.heal()
        for worker in self._workers.values():
            worker.stop_writing()
        self._crew.stop_writing(self._deadline + 5)
        self._wait_for_workers()
        with self.store.open() as opened:
            pace = self._close_log(opened)
            log = opened.log()
            streams = opened.streams({entry.place.stream for entry in log})
        members = copies_of_members(self.replica_set, self.store)
        ends = {"": len(log)} | {topic_of(entry.token.call): entry.position for entry in log}
        self._announce(ends)
        self._crew.finish(ends)
        for worker in self._workers.values():
            worker.wait_until_ended(60)
        calls, readers = gather(sorted(self._journals.glob("*.jsonl")))
        return History(calls, readers, log, streams, frozenset(self.killed), members, self._pauses, pace)

    def abandon(self) -> None:
        """End the processes; to be called whatever happens."""
        for worker in self._workers.values():
            worker.kill()
        if self._crew is not None:
            self._crew.give_up()

    def _wait_for_workers(self) -> None:
        deadline = time.monotonic() + self._deadline + 5
        while not all(worker.has_stopped_writing() for worker in self._workers.values()):
            if time.monotonic() > deadline:
                return  # the checker finds the calls that were never answered
            time.sleep(_LOOK_SECONDS)  # a look at other processes from time to time, bounded by the deadline

    def _close_log(self, store: OpenStore) -> float:
        """Append until there is a last event of each topic: a healed store takes appends, and followers have an end.

        Returns the pace of the machine, see `History`.
        """
        seconds = []
        with Journal(self._journals, "closing.writer") as journal:
            caller = Caller(store, journal)
            for number in range(1, 21):
                began = time.monotonic()
                caller.append([Place(stream_named(f"closing {number}"), 1)])
                seconds.append(time.monotonic() - began)
        return max(1.0, median(seconds) / _USUAL_APPEND_SECONDS)

    def _announce(self, ends: Mapping[str, int]) -> None:
        unfinished = self._journals / f"{ENDS_FILE}.part"
        unfinished.write_bytes(msgspec.json.encode(dict(ends)))
        unfinished.rename(self._journals / ENDS_FILE)
