"""The event store of a test's own database, and stored events to put into it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from pymongo import MongoClient
from pymongo.collection import Collection

from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from ops.local.mongod import LocalMongod


@pytest.fixture
def make_factory(mongodb_url: str, mongodb_database: str) -> Iterator[Callable[..., MongoFactory]]:
    """Makes factories for the test's database, with further settings; all are closed at the end."""
    made = []

    def make(**settings: str) -> MongoFactory:
        env = {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": mongodb_database, **settings}
        made.append(MongoFactory(env))
        return made[-1]

    yield make
    for factory in made:
        factory.close()


@pytest.fixture
def factory(make_factory: Callable[..., MongoFactory]) -> MongoFactory:
    return make_factory()


@pytest.fixture
def recorder(factory: MongoFactory) -> MongoApplicationRecorder:
    made = factory.application_recorder()
    assert isinstance(made, MongoApplicationRecorder)
    return made


@pytest.fixture
def stored(mongodb_url: str, mongodb_database: str) -> Iterator[Collection[dict[str, Any]]]:
    """The documents of the events, as anybody can read them."""
    with MongoClient[dict[str, Any]](mongodb_url, uuidRepresentation="standard") as client:
        yield client[mongodb_database]["stored_events"]


@pytest.fixture
def new_stream() -> Callable[..., list[StoredEvent]]:
    """Makes the first events of a new stream, or further ones of `stream` from `first` on."""

    def make(
        count: int = 1, *, stream: UUID | None = None, first: int = 1, state: bytes = b"state"
    ) -> list[StoredEvent]:
        stream = stream or uuid4()
        return [StoredEvent(stream, first + index, "topic", state) for index in range(count)]

    return make


@pytest.fixture(scope="session")
def url_with_faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of our own that takes test commands; see `fail_point`."""
    folder = tmp_path_factory.mktemp("faulty") / "db"
    with LocalMongod(folder, extra=("--setParameter", "enableTestCommands=1")) as server:
        yield server.url


@pytest.fixture
def make_faulty(
    url_with_faults: str, make_factory: Callable[..., MongoFactory]
) -> Callable[..., MongoFactory]:
    """Makes factories on the server that takes test commands."""
    return partial(make_factory, MONGODB_URL=url_with_faults)
