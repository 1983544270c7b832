"""Being told when the log may have grown."""

import logging
from threading import Condition, Event, Thread

from bson import Timestamp
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from adapters.mongo.connection.causal_reads import ClusterClock
from adapters.mongo.connection.client import Document
from adapters.mongo.connection.errors import one_line

_log = logging.getLogger(__name__)
_INSERTS: list[Document] = [
    {"$match": {"operationType": "insert"}},
    {"$project": {"documentKey._id": 1, "clusterTime": 1}},
]
_AWAIT_MILLISECONDS = 200


class Wakeups:
    """Wakes the callers that wait for the log of one collection to grow.

    A hint is "there is an event at this position, or was there at least one": of an append of this process, or from one
    change stream, which all waiters share and which runs from the first wait until `close`. It is
    never more than a reason to look. Without a change stream, waiters look every `poll_interval` seconds all the same.
    """

    def __init__(self, events: Collection[Document], clock: ClusterClock, poll_interval: float) -> None:
        self._events = events
        self._clock = clock
        self._poll_interval = poll_interval
        self._changed = Condition()
        self._position = 0
        self._rounds = 0
        self._polling = False
        self._closed = Event()
        self._thread: Thread | None = None

    def hint(self, position: int) -> None:
        """There is an event at `position`."""
        if position > self._position:
            with self._changed:
                self._position = max(position, self._position)
                self._changed.notify_all()

    def wake_all(self) -> None:
        """Let every waiter look again, for whatever reason."""
        with self._changed:
            self._rounds += 1
            self._changed.notify_all()

    def wait(self, beyond: int, timeout: float) -> None:
        """Return when there may be an event beyond this position; at the latest after `timeout` seconds or
        the poll interval, whichever is shorter.
        """
        with self._changed:
            self._watch()
            rounds = self._rounds
            self._changed.wait_for(
                lambda: self._position > beyond or self._rounds != rounds or self._closed.is_set(),
                min(timeout, self._poll_interval),
            )

    def close(self, timeout: float) -> None:
        """End the change stream and wake every waiter.

        A server that does not answer is waited for `timeout` seconds: the thread then ends by itself, later.
        """
        self._closed.set()
        self.wake_all()
        if self._thread is not None:
            self._thread.join(timeout)

    def _watch(self) -> None:
        if self._thread is None and not self._closed.is_set():
            self._thread = Thread(target=self._follow, name=f"wakeups of {self._events.name}", daemon=True)
            self._thread.start()

    def _follow(self) -> None:
        while not self._closed.is_set():
            try:
                self._follow_one_stream()
            except PyMongoError as error:
                if not self._polling and not self._closed.is_set():
                    self._polling = True
                    why = one_line(error)
                    _log.warning(
                        "change_stream_lost_polling",
                        extra={"collection": self._events.full_name, "reason": why},
                    )
                self._closed.wait(self._poll_interval)

    def _follow_one_stream(self) -> None:
        with self._events.watch(_INSERTS, max_await_time_ms=_AWAIT_MILLISECONDS) as stream:
            self._polling = False
            self.wake_all()  # no hint tells of an event from before the stream began
            while not self._closed.is_set() and stream.alive:
                change = stream.try_next()
                if change is not None:
                    self._take_in(change["documentKey"]["_id"], change["clusterTime"])

    def _take_in(self, position: object, time: Timestamp) -> None:
        # So that a read that follows the hint sees the event, on any member.
        self._clock.observe_time(time)
        if isinstance(position, int):
            self.hint(position)
