"""Servers that do not let the store in, take its rights away while it runs, or have no room: the library's errors,
within the deadline.

The room on the disk is limited by the largest file that the server may write, which needs no rights of an
administrator, as a small file system would.
"""

import logging
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError, PersistenceError, StoredEvent, Tracking
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from adapters.mongo.event_store import AppendOutcomeUnknownError, MongoFactory
from ops.local.mongod import LocalMongod
from tests.adapters.mongo.cutting_proxy import CuttingProxy
from tests.faults.locked_server import LockedServer, locked_server
from tests.faults.seeds import random_of
from tests.pace import Stopwatch

DATABASE = "ledger"
EVENTS = "stored_events"

Opened = Callable[..., MongoFactory]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedServer]:
    with locked_server(tmp_path_factory.mktemp("locked")) as running:
        yield running


@pytest.fixture
def database() -> str:
    """A database of the test's own."""
    return f"{DATABASE}_{uuid4().hex[:8]}"


@pytest.fixture
def owner(server: LockedServer, database: str, open_store: Opened) -> MongoFactory:
    """The store of a user who may read and write its database, and nothing else; its collections are there."""
    name = f"owner_of_{database}"
    server.add_user(name, "secret", {"role": "readWrite", "db": database})
    factory = open_store(server.url(name, "secret"), database)
    factory.application_recorder()
    factory.tracking_recorder()
    return factory


@pytest.fixture
def open_store() -> Iterator[Opened]:
    """Makes factories with deadlines that a busy machine does not reach; all are closed at the end."""
    made: list[MongoFactory] = []

    def make(url: str, database: str, **settings: str) -> MongoFactory:
        deadlines = {"MONGODB_APPEND_DEADLINE": "30", "MONGODB_READ_DEADLINE": "5"}
        made.append(MongoFactory({"MONGODB_URL": url, "MONGODB_DATABASE": database, **deadlines, **settings}))
        return made[-1]

    yield make
    for factory in made:
        factory.close()


def event(version: int = 1, *, state: bytes = b"state") -> list[StoredEvent]:
    return [StoredEvent(uuid4(), version, "topic", state)]


def the_id_in(error: OperationalError) -> dict[str, UUID]:
    """What to repeat an append with: its id where it is not known what became of it."""
    return {"append_id": error.append_id} if isinstance(error, AppendOutcomeUnknownError) else {}


def restricted(server: LockedServer, database: str, *actions: str) -> str:
    """The address for a new user who may do these things with the events, and nothing with anything else."""
    name = f"restricted_{uuid4().hex[:8]}"
    events = {"db": database, "collection": EVENTS}
    server.add_role(
        name,
        [
            {"resource": events, "actions": [*actions]},
            {"resource": {"db": database, "collection": ""}, "actions": ["listCollections"]},
        ],
    )
    server.add_user(name, "secret", name)
    return name


def test_a_wrong_password_is_a_library_error_at_once(
    server: LockedServer, owner: MongoFactory, database: str, open_store: Opened
) -> None:
    watch = Stopwatch()
    with pytest.raises(PersistenceError, match=r"(?i)authentication failed") as caught:
        open_store(server.url(f"owner_of_{database}", "wrong-one"), database).application_recorder()
    assert watch.seconds() < 2
    assert "wrong-one" not in str(caught.value)


def test_a_read_only_user_is_refused_for_certain(
    server: LockedServer, owner: MongoFactory, database: str, open_store: Opened
) -> None:
    """And can go on reading."""
    assert owner.application_recorder().insert_events(event()) == [1]
    name = restricted(server, database, "find", "listIndexes")
    recorder = open_store(server.url(name, "secret"), database, CREATE_TABLE="no").application_recorder()
    for size in (1, 2):
        stream, watch = uuid4(), Stopwatch()
        with pytest.raises(OperationalError, match="was not appended") as caught:
            recorder.insert_events(
                [StoredEvent(stream, version, "topic", b"state") for version in range(1, size + 1)]
            )
        assert not isinstance(caught.value, AppendOutcomeUnknownError)
        assert watch.seconds() < 2
    assert [found.id for found in recorder.select_notifications(1, 10)] == [1]


def test_an_insert_only_user_gets_an_unknown_outcome(
    server: LockedServer, owner: MongoFactory, database: str, open_store: Opened
) -> None:
    """After a lost answer the store has to write something else, to be sure of what it reads then."""
    name = restricted(server, database, "find", "insert", "listIndexes")
    with CuttingProxy(server.url(name, "secret")) as proxy:
        address = proxy.url.partition("//")[2].partition("/")[0]
        factory = open_store(
            server.url(name, "secret", address), database, CREATE_TABLE="no", MONGODB_ATTEMPT_TIMEOUT="0.5"
        )
        recorder = factory.application_recorder()
        assert recorder.insert_events(event()) == [1]
        proxy.lose_answers(b"insert")
        lost, watch = event(), Stopwatch()
        with pytest.raises(AppendOutcomeUnknownError, match="not authorized") as caught:
            recorder.insert_events(lost)
        assert watch.seconds() < 2
        proxy.heal()
        with pytest.raises(OperationalError, match=r"(?i)not authorized"):
            factory.tracking_recorder().insert_tracking(Tracking("upstream", 1))
    entitled = owner.application_recorder()
    assert entitled.insert_events(lost, append_id=caught.value.append_id) == [2]
    assert len(entitled.select_notifications(1, 10)) == 2


@pytest.mark.parametrize("how", ["another password", "no such user"])
def test_a_store_recovers_after_losing_its_login(
    server: LockedServer, database: str, open_store: Opened, how: str
) -> None:
    """The server asks for the password when a connection begins, and whether there is such a user each time."""
    name, role = f"running_{uuid4().hex[:8]}", {"role": "readWrite", "db": database}
    server.add_user(name, "secret", role)
    with CuttingProxy(server.url(name, "secret")) as proxy:
        address = proxy.url.partition("//")[2].partition("/")[0]
        recorder = open_store(server.url(name, "secret", address), database).application_recorder()
        assert recorder.insert_events(event()) == [1]
        if how == "another password":
            server.change_password(name, "another")
            proxy.lose_requests(b"insert", times=1)  # it has to connect again
        else:
            server.drop_user(name)
        appended, watch = event(), Stopwatch()
        with pytest.raises(OperationalError, match=r"(?i)authenticat") as caught:
            recorder.insert_events(appended, timeout=3)
        assert watch.seconds() < 4
        with pytest.raises(OperationalError):
            recorder.select_notifications(1, 10)
        proxy.heal()
        if how == "another password":
            server.change_password(name, "secret")
        else:
            server.add_user(name, "secret", role)
            proxy.lose_requests(
                b"find", times=1
            )  # to the server a connection belongs to the user who is gone
        assert recorder.insert_events(appended, **the_id_in(caught.value)) == [2]
        assert len(recorder.select_notifications(1, 10)) == 2


def leave_a_transaction_open(
    client: MongoClient[dict[str, Any]], database: str, session: ClientSession, position: int
) -> None:
    """What a writer leaves that dies between insert and commit."""
    session.start_transaction()
    client[database][EVENTS].insert_one(
        {"_id": position, "originator_id": "dead", "originator_version": 1}, session=session
    )


@pytest.mark.parametrize("count", [1, 2])
def test_a_user_can_end_its_own_orphaned_transactions(
    server: LockedServer, owner: MongoFactory, database: str, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The right to read and write its database is enough."""
    recorder = owner.application_recorder()
    assert recorder.insert_events(event()) == [1]
    url = server.url(f"owner_of_{database}", "secret")
    name = owner.datastore.app_name
    with MongoClient[dict[str, Any]](url, appname=name) as client, client.start_session() as session:
        leave_a_transaction_open(client, database, session, 2)
        stream = uuid4()
        with caplog.at_level(logging.WARNING):
            assert recorder.insert_events(
                [StoredEvent(stream, version, "topic", b"state") for version in range(1, count + 1)]
            ) == list(range(2, 2 + count))
        with pytest.raises(OperationFailure):
            session.commit_transaction()
    assert "orphaned_transactions_ended" in caplog.text


@pytest.mark.parametrize("count", [1, 2])
def test_another_users_transaction_is_waited_for_until_the_deadline(
    server: LockedServer, owner: MongoFactory, database: str, count: int
) -> None:
    """Only an administrator sees the sessions of others, and may end them."""
    recorder = owner.application_recorder()
    assert recorder.insert_events(event()) == [1]
    name = f"other_{uuid4().hex[:8]}"
    server.add_user(name, "secret", {"role": "readWrite", "db": database})
    appended = [StoredEvent(uuid4(), 1, "topic", b"state") for _ in range(count)]
    with (
        MongoClient[dict[str, Any]](server.url(name, "secret"), appname=owner.datastore.app_name) as client,
        client.start_session() as session,
    ):
        leave_a_transaction_open(client, database, session, 2)
        watch = Stopwatch()
        with pytest.raises(OperationalError) as caught:
            recorder.insert_events(appended, timeout=3)
        assert watch.seconds() < 4
        session.abort_transaction()
    assert recorder.insert_events(appended, **the_id_in(caught.value)) == list(range(2, 2 + count))
    assert len(recorder.select_notifications(1, 10)) == 1 + count


def test_a_full_server_loses_no_acknowledged_append(tmp_path: Path, open_store: Opened) -> None:
    """A mongod that cannot write to its journal ends at once, whatever the reason."""
    with LocalMongod(tmp_path / "db") as full:
        recorder = open_store(full.url, DATABASE).application_recorder()
        assert recorder.insert_events(event()) == [1]
        assert full.process is not None
        _, most = resource.prlimit(full.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(full.process.pid, resource.RLIMIT_FSIZE, (1 << 20, most))
        random, acknowledged = random_of(1, "state"), 1
        with pytest.raises(OperationalError) as caught:  # noqa: PT012 - it is one of these that fails
            while acknowledged < 50:
                appended, watch = event(state=random.randbytes(100_000)), Stopwatch()
                assert recorder.insert_events(appended, timeout=8) == [acknowledged + 1]
                acknowledged += 1
        assert watch.seconds() < 9
        assert full.poll() is not None
        full.start()  # on another port, and with all the room there is
        again = open_store(full.url, DATABASE).application_recorder()
        assert len(again.select_notifications(1, 100)) in {acknowledged, acknowledged + 1}
        assert again.insert_events(appended, **the_id_in(caught.value)) == [acknowledged + 1]
        assert len(again.select_notifications(1, 100)) == acknowledged + 1
