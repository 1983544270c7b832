"""Following a log as it grows."""

from collections import deque
from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import Notification, Subscription

if TYPE_CHECKING:
    from adapters.mongo.recorders import MongoApplicationRecorder

_PAGE = 500
_WAIT_SECONDS = 1.0
# So that a hint of something that is not there, as after a restored backup, does not make it spin.
_BREATH_SECONDS = 0.002


class MongoSubscription(Subscription["MongoApplicationRecorder"]):
    """Every event after a position, once, in order, those yet to come included.

    It reads page by page in the thread that iterates, and has no thread of its own. A fail-over of the database
    shows as a pause. An error ends the iteration only when the database cannot be read within the recorder's
    deadline, and iterating again goes on where it stopped.
    """

    def __init__(
        self, recorder: "MongoApplicationRecorder", gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._page: deque[Notification] = deque()
        self._seen = gt or 0
        self._stopping = Event()

    def stop(self) -> None:
        """End the iteration, from any thread."""
        super().stop()
        self._stopping.set()
        self._recorder.wake_subscriptions()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._page.clear()

    def __next__(self) -> Notification:
        while not self._stopping.is_set():
            if self._page:
                notification = self._page.popleft()
                self._last_notification_id = notification.id
                return notification
            self._turn_page()
        raise StopIteration

    def _turn_page(self) -> None:
        # A page of some topics that is not full has looked at everything up to the end, which is taken before.
        end = self._recorder.max_notification_id() or 0 if self._topics else 0
        self._page.extend(
            self._recorder.select_notifications(
                start=self._seen, limit=_PAGE, topics=self._topics, inclusive_of_start=False
            )
        )
        if self._page:
            self._seen = self._page[-1].id
        if len(self._page) < _PAGE:
            self._seen = max(self._seen, end)
        if not self._page:
            self._recorder.wait_for_position(self._seen, _WAIT_SECONDS)
            self._stopping.wait(_BREATH_SECONDS)
