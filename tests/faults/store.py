"""Opening an event store of any make, as an application of the library does, and reading all it holds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from tests.faults.history import Entry, Place, Token

OUR_STORE = "adapters.mongo.event_store"
_PAGE = 1000


@dataclass(frozen=True)
class Store:
    """Which persistence module, on which database; `settings` are further environment variables for it."""

    module: str
    url: str
    database: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def recorder(self) -> Iterator[ApplicationRecorder]:
        """An application recorder with a client of its own."""
        env = Environment(
            "Faults",
            {
                "PERSISTENCE_MODULE": self.module,
                "MONGODB_URL": self.url,
                "MONGODB_DATABASE": self.database,
                **self.settings,
            },
        )
        factory: InfrastructureFactory[TrackingRecorder] = InfrastructureFactory.construct(env)
        try:
            yield factory.application_recorder()
        finally:
            factory.close()


def event(place: Place, topic: str, token: Token) -> StoredEvent:
    """An event that says which it is."""
    return StoredEvent(UUID(place.stream), place.version, topic, str(token).encode())


def whole_log(recorder: ApplicationRecorder) -> list[Entry]:
    """The log from its beginning, in the order in which it is read."""
    entries: list[Entry] = []
    while page := recorder.select_notifications(
        entries[-1].position if entries else 0, _PAGE, inclusive_of_start=False
    ):
        entries += [
            Entry(
                notification.id,
                Place(str(notification.originator_id), notification.originator_version),
                Token.parse(notification.state.decode()),
            )
            for notification in page
        ]
    return entries


def whole_streams(recorder: ApplicationRecorder, streams: set[str]) -> dict[str, list[tuple[int, Token]]]:
    """Each of these streams, read by itself."""
    return {
        stream: [
            (found.originator_version, Token.parse(found.state.decode()))
            for found in recorder.select_events(UUID(stream))
        ]
        for stream in streams
    }
