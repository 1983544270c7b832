"""Opening an event store of any make, as an application of the library does, and reading all it holds."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    DatetimeAsISO,
    InfrastructureFactory,
    JSONTranscoder,
    Mapper,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from tests.faults.events import Even, Odd, event_at
from tests.faults.history import Entry, Place, Token

OUR_STORE = "adapters.mongo.event_store"
PLAIN = "tests.faults.plain_store:PlainFactory"
_APPLICATION = "Faults"
_PAGE = 1000


@dataclass(frozen=True)
class Store:
    """Which persistence module, on which database; `settings` are further environment variables for it."""

    module: str
    url: str
    database: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def events_collection(self) -> str:
        """Where the documents of the events are, for readers past the store."""
        return f"{_APPLICATION.lower()}_events" if self.module == OUR_STORE else "events"

    @contextmanager
    def recorder(self) -> Iterator[ApplicationRecorder]:
        """An application recorder with a client of its own."""
        with self.open() as opened:
            yield opened.recorder

    @contextmanager
    def open(self) -> Iterator["OpenStore"]:
        """The same with a mapper, of the settings' transcoder, cipher and compressor."""
        env = Environment(
            _APPLICATION,
            {
                "PERSISTENCE_MODULE": self.module,
                "MONGODB_URL": self.url,
                "MONGODB_DATABASE": self.database,
                **self.settings,
            },
        )
        factory: InfrastructureFactory[TrackingRecorder] = InfrastructureFactory.construct(env)
        try:
            transcoder = factory.transcoder()
            if isinstance(transcoder, JSONTranscoder):
                transcoder.register(DatetimeAsISO())
            yield OpenStore(factory.application_recorder(), factory.mapper(transcoder))
        finally:
            factory.close()


@dataclass(frozen=True)
class OpenStore:
    """A recorder, and the mapper that turns its stored events into events that say which they are."""

    recorder: ApplicationRecorder
    mapper: Mapper[UUID]

    def stored(self, places: Sequence[Place], call: str) -> list[StoredEvent]:
        """The events of a call, one for each place."""
        size = len(places)
        return [
            self.mapper.to_stored_event(event_at(place, Token(call, number, size)))
            for number, place in enumerate(places)
        ]

    def token(self, stored: StoredEvent) -> Token:
        """Which event this is."""
        event = self.mapper.to_domain_event(stored)
        assert isinstance(event, (Even, Odd))
        return Token.parse(event.token)

    def log(self) -> list[Entry]:
        """The log from its beginning, in the order in which it is read."""
        entries: list[Entry] = []
        while page := self.recorder.select_notifications(
            entries[-1].position if entries else 0, _PAGE, inclusive_of_start=False
        ):
            entries += [
                Entry(found.id, Place(str(found.originator_id), found.originator_version), self.token(found))
                for found in page
            ]
        return entries

    def streams(self, names: set[str]) -> dict[str, list[tuple[int, Token]]]:
        """Each of these streams, read by itself."""
        return {
            name: [
                (found.originator_version, self.token(found))
                for found in self.recorder.select_events(UUID(name))
            ]
            for name in names
        }
