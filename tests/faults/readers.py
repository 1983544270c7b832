"""Readers of an event store, which write down what they see, in the order in which they see it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from random import Random
from threading import Event, Thread
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription
from eventsourcing.utils import get_topic

from tests.faults.events import Odd
from tests.faults.history import Follows, Journal, Place, ReadStream, Saw
from tests.faults.store import OpenStore
from tests.faults.workload import Streams

_LOOK_SECONDS = 0.02
_LARGEST_PAGE = 100


class Follower(Thread, ABC):
    """Follows the log from its beginning until it is told to stop. `position` is where it has got to."""

    topic = ""

    def __init__(self, store: OpenStore, journals: Path, name: str, random: Random) -> None:
        super().__init__(name=name, daemon=True)
        self.position = 0
        self._store = store
        self._journals = journals
        self._random = random

    @abstractmethod
    def stop(self) -> None:
        """Have it end soon."""

    @abstractmethod
    def _follow(self) -> Iterable[Notification]:
        """The events, as they come."""

    def run(self) -> None:
        with Journal(self._journals, self.name) as journal:
            journal.write(Follows(0, self.topic))
            for seen in self._follow():
                place = Place(str(seen.originator_id), seen.originator_version)
                journal.write(Saw(time.monotonic(), seen.id, place, str(self._store.token(seen))))
                self.position = seen.id


class Subscriber(Follower):
    """Follows by a subscription."""

    def __init__(self, store: OpenStore, journals: Path, name: str, random: Random) -> None:
        super().__init__(store, journals, name, random)
        self._subscription: Subscription[ApplicationRecorder] = store.recorder.subscribe(
            gt=0, topics=[self.topic] if self.topic else []
        )

    def stop(self) -> None:
        self._subscription.stop()

    def _follow(self) -> Iterable[Notification]:
        with self._subscription:
            yield from self._subscription


class TopicSubscriber(Subscriber):
    """Follows the events of one topic only."""

    topic = get_topic(Odd)


class Pager(Follower):
    """Follows by reading page after page, of random sizes, knowing only what it has seen last."""

    def __init__(self, store: OpenStore, journals: Path, name: str, random: Random) -> None:
        super().__init__(store, journals, name, random)
        self._stopping = Event()

    def stop(self) -> None:
        self._stopping.set()

    def _follow(self) -> Iterable[Notification]:
        last = 0
        while not self._stopping.is_set():
            limit = self._random.randint(1, _LARGEST_PAGE)
            if self._random.random() < 0.5:
                page = self._store.recorder.select_notifications(last, limit, inclusive_of_start=False)
            else:
                page = self._store.recorder.select_notifications(last + 1, limit)
            yield from page
            if page:
                last = page[-1].id
            else:
                self._stopping.wait(_LOOK_SECONDS)


class StreamReader(Thread):
    """Reads streams, whole or from some version on, until it is told to stop."""

    def __init__(self, store: OpenStore, journals: Path, name: str, random: Random, streams: Streams) -> None:
        super().__init__(name=name, daemon=True)
        self.stopping = Event()
        self._store = store
        self._journals = journals
        self._random = random
        self._streams = streams

    def run(self) -> None:
        with Journal(self._journals, self.name) as journal:
            while not self.stopping.wait(_LOOK_SECONDS):
                journal.write(self._read(self._streams.choose(self._random)))

    def _read(self, stream: str) -> ReadStream:
        began = time.monotonic()
        gt = self._random.choice([None, 0, 1, 10])
        events = self._store.recorder.select_events(UUID(stream), gt=gt)
        versions = [event.originator_version for event in events]
        tokens = [str(self._store.token(event)) for event in events]
        return ReadStream(began, time.monotonic(), stream, gt or 0, versions, tokens)
