"""The writers and readers of one process, all on one store."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from threading import Thread

from tests.faults.readers import Follower, Pager, StreamReader, Subscriber, TopicSubscriber
from tests.faults.seeds import random_of
from tests.faults.store import OpenStore
from tests.faults.workload import Mix, Streams, Writer

_LOOK_SECONDS = 0.02
_END_SECONDS = 20.0


class Crew:
    """Starts so many writers, and with `readers` also followers of each kind and a reader of streams."""

    def __init__(
        self,
        store: OpenStore,
        journals: Path,
        process: str,
        seed: int,
        *,
        writers: int,
        mix: Mix,
        readers: bool,
    ) -> None:
        streams = Streams()

        def random(name: str) -> Random:
            return random_of(seed, f"{process} {name}")

        self.writers = [
            Writer(
                store,
                journals,
                f"{process}.writer{number}",
                random(f"writer{number}"),
                streams=streams,
                mix=mix,
            )
            for number in range(writers)
        ]
        kinds: dict[str, type[Follower]] = (
            {"subscriber": Subscriber, "topic": TopicSubscriber, "pager": Pager}
            if readers
            else {"subscriber": Subscriber}
        )
        self.followers = [
            kind(store, journals, f"{process}.{name}", random(name)) for name, kind in kinds.items()
        ]
        self.stream_readers = [
            StreamReader(store, journals, f"{process}.streams", random("streams"), streams)
            for _ in range(1 if readers else 0)
        ]

    def start(self) -> None:
        for thread in (*self.followers, *self.stream_readers, *self.writers):
            thread.start()

    def stop_writing(self, timeout: float) -> None:
        """Let the writers end their calls; a writer that does not come back in time is left to the checker."""
        for writer in self.writers:
            writer.stopping.set()
        for reader in self.stream_readers:
            reader.stopping.set()
        _join([*self.writers, *self.stream_readers], timeout)

    def finish(self, ends: Mapping[str, int]) -> None:
        """Let the followers see the last event of each topic, in a bounded time, then stop them."""
        deadline = time.monotonic() + _END_SECONDS
        for follower in self.followers:
            end = ends[follower.topic]
            while follower.position < end and follower.is_alive() and time.monotonic() < deadline:
                time.sleep(
                    _LOOK_SECONDS
                )  # a look at another thread from time to time, bounded by the deadline
            follower.stop()
        _join(self.followers, _END_SECONDS)

    def give_up(self) -> None:
        """Tell writers and readers to end, without waiting for long."""
        for writer in self.writers:
            writer.stopping.set()
        for reader in self.stream_readers:
            reader.stopping.set()
        for follower in self.followers:
            follower.stop()
        _join([*self.writers, *self.stream_readers], 1)
        _join(self.followers, 1)


def _join(threads: Sequence[Thread], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
