"""What is said when MongoDB cannot or will not do what is asked."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    DataError,
    InfrastructureFactory,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from pymongo import MongoClient
from pymongo.errors import BulkWriteError, ConfigurationError

from adapters.mongo.connection.client import (
    ClientSettings,
    Driver,
    close_async_client,
    make_async_client,
    make_client,
    require_replica_set,
)
from adapters.mongo.connection.errors import in_library_terms, is_undecided
from adapters.mongo.event_store import AppendOutcomeUnknownError, MongoApplicationRecorder, MongoFactory
from ops.local.children import start_child
from ops.local.mongod import LocalMongod
from ops.local.mongod_binary import find_mongod
from ops.local.ports import free_port
from tests.adapters.mongo.fail_point import failing
from tests.pace import Stopwatch

New = Callable[..., list[StoredEvent]]
Make = Callable[..., MongoFactory]


@contextmanager
def mongod(folder: Path, *arguments: str) -> Iterator[str]:
    """A server with arguments of its own; its address once it answers."""
    folder.mkdir()
    port = free_port()
    fixed: list[str | Path] = [
        "--dbpath",
        folder,
        "--port",
        str(port),
        "--bind_ip",
        "127.0.0.1",
        "--nounixsocket",
    ]
    process = start_child([find_mongod(), *fixed, *arguments], log=folder.with_suffix(".log"))
    address = f"127.0.0.1:{port}"
    try:
        with MongoClient[dict[str, Any]](f"mongodb://{address}/?directConnection=true") as client:
            client.admin.command("ping")  # waits for the server, 30 seconds at most
        yield address
    finally:
        process.kill()  # a primary that is asked politely waits for the others first
        process.wait(30)


def test_a_standalone_server_is_refused_in_one_line(tmp_path: Path, make_factory: Make) -> None:
    with mongod(tmp_path / "alone") as address:
        factory = make_factory(MONGODB_URL=f"mongodb://{address}/")
        with pytest.raises(
            NotSupportedError, match=r"standalone server: start it with --replSet .*"
        ) as caught:
            factory.application_recorder()
    assert "\n" not in str(caught.value)


def test_a_set_with_an_arbiter_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        mongod(tmp_path / "data", "--replSet", "odd") as data,
        mongod(tmp_path / "arbiter", "--replSet", "odd") as arbiter,
    ):
        members = [{"_id": 0, "host": data}, {"_id": 1, "host": arbiter, "arbiterOnly": True, "priority": 0}]
        with MongoClient[dict[str, Any]](f"mongodb://{data}/?directConnection=true") as client:
            client.admin.command("replSetInitiate", {"_id": "odd", "members": members})
        with (
            make_client(ClientSettings(f"mongodb://{data}/?directConnection=true", "test")) as client,
            pytest.raises(NotSupportedError, match="'odd' has an arbiter: replace it"),
        ):
            require_replica_set(client)


def test_no_server_is_said_within_the_deadline(make_factory: Make) -> None:
    factory = make_factory(MONGODB_URL=f"mongodb://127.0.0.1:{free_port()}/", MONGODB_APPEND_DEADLINE="0.5")
    watch = Stopwatch()
    with pytest.raises(OperationalError, match="cannot reach MongoDB"):
        factory.application_recorder()
    assert watch.seconds() < 3


def test_a_stopped_server_is_reported_within_the_deadline(
    tmp_path: Path, make_factory: Make, new_stream: New
) -> None:
    """When the server is back, the store goes on."""
    server = LocalMongod(tmp_path / "db").start()
    try:
        factory = make_factory(
            MONGODB_URL=server.url, MONGODB_APPEND_DEADLINE="0.5", MONGODB_READ_DEADLINE="0.5"
        )
        recorder, tracking = factory.application_recorder(), factory.tracking_recorder()
        recorder.insert_events(new_stream())
        server.stop()
        watch = Stopwatch()
        for attempt in (
            lambda: recorder.insert_events(new_stream()),
            lambda: recorder.select_notifications(1, 10),
            recorder.max_notification_id,
            lambda: tracking.insert_tracking(Tracking("upstream", 1)),
            lambda: tracking.max_tracking_id("upstream"),
        ):
            with pytest.raises(OperationalError):
                attempt()
        assert watch.seconds() < 10
        server.start()
        patient = make_factory(MONGODB_URL=server.url).application_recorder()
        assert patient.insert_events(new_stream()) in ([2], [3])  # the unknown one may have been sent
        assert len(recorder.select_notifications(1, 10)) in (2, 3)
    finally:
        server.stop()


@pytest.mark.parametrize("code", [13, 18, 14031])  # Unauthorized, AuthenticationFailed, OutOfDiskSpace
@pytest.mark.parametrize("count", [1, 2])
def test_a_refusal_is_said_at_once_and_for_certain(
    url_with_faults: str, make_faulty: Make, new_stream: New, code: int, count: int
) -> None:
    recorder = make_faulty().application_recorder()
    recorder.insert_events(new_stream())
    watch = Stopwatch()
    with (
        failing(url_with_faults, "insert", times=1, errorCode=code),
        pytest.raises(OperationalError, match="was not appended") as caught,
    ):
        recorder.insert_events(new_stream(count))
    assert not isinstance(caught.value, AppendOutcomeUnknownError)
    assert watch.seconds() < 2
    assert recorder.insert_events(new_stream()) == [2]


@pytest.mark.parametrize("command", ["insert", "find", "commitTransaction"])
@pytest.mark.parametrize("code", [10107, 11602, 189, 50])  # what a server says when it stops being primary
def test_a_server_that_steps_down_is_asked_again(
    url_with_faults: str, make_faulty: Make, new_stream: New, code: int, command: str
) -> None:
    recorder = make_faulty().application_recorder()
    recorder.insert_events(new_stream())
    with failing(url_with_faults, command, times=2, errorCode=code):
        assert recorder.insert_events(new_stream(2 if command == "commitTransaction" else 1))[0] == 2  # type: ignore[index] # a log has positions
        assert recorder.select_notifications(1, 1)[0].id == 1


@pytest.mark.parametrize("count", [1, 2])
def test_written_but_not_by_a_majority_is_settled(
    url_with_faults: str, make_faulty: Make, new_stream: New, count: int
) -> None:
    recorder = make_faulty().application_recorder()
    recorder.insert_events(new_stream())
    command = "insert" if count == 1 else "commitTransaction"
    not_yet = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}
    with failing(url_with_faults, command, times=1, writeConcernError=not_yet):
        assert recorder.insert_events(new_stream(count)) == list(range(2, 2 + count))
    assert recorder.max_notification_id() == 1 + count


def test_a_pool_that_is_exhausted_is_said_within_the_deadline(
    url_with_faults: str, make_faulty: Make, new_stream: New
) -> None:
    factory = make_faulty(MONGODB_MAX_POOL_SIZE="1", MONGODB_APPEND_DEADLINE="1", MONGODB_READ_DEADLINE="5")
    recorder = factory.application_recorder()
    recorder.insert_events(new_stream())  # so that nothing has to be read before the next
    with (
        ThreadPoolExecutor(1) as readers,
        failing(url_with_faults, "find", times=1, blockConnection=True, blockTimeMS=2500),
    ):
        reading = readers.submit(recorder.select_notifications, 1, 10)
        time.sleep(0.3)  # until the reader has the one connection, and keeps it longer than the deadline
        watch = Stopwatch()
        with pytest.raises(OperationalError, match="was not appended") as caught:
            recorder.insert_events(new_stream())
        assert type(caught.value) is OperationalError  # nothing was sent, which is certain
        assert watch.seconds() < 2
        reading.result(10)
    assert recorder.insert_events(new_stream()) == [2]


@pytest.mark.parametrize("count", [1, 2])
def test_a_caller_may_set_a_deadline_of_its_own(
    url_with_faults: str, make_faulty: Make, new_stream: New, count: int
) -> None:
    recorder = make_faulty().application_recorder()
    recorder.insert_events(new_stream())
    events = new_stream(count)
    with failing(url_with_faults, "insert", times=20, blockConnection=True, blockTimeMS=3000):
        watch = Stopwatch()
        with pytest.raises(OperationalError):
            recorder.insert_events(events, timeout=0.5)
        assert watch.seconds() < 1.5


def test_a_deadline_that_is_no_number_of_seconds_is_refused(make_faulty: Make, new_stream: New) -> None:
    recorder = make_faulty().application_recorder()
    for timeout in (0, -1, float("nan")):
        with pytest.raises(ProgrammingError, match="seconds above 0"):
            recorder.insert_events(new_stream(), timeout=timeout)
    assert recorder.max_notification_id() is None


def test_an_application_hands_the_deadline_on(url_with_faults: str, mongodb_database: str) -> None:
    env = {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": url_with_faults,
        "MONGODB_DATABASE": mongodb_database,
    }
    with Application[UUID](env) as application:
        application.save(Aggregate(), timeout=5)
        with pytest.raises(ProgrammingError, match="seconds above 0"):
            application.save(Aggregate(), timeout=0)


def test_an_index_check_ends_at_the_append_deadline(
    url_with_faults: str, make_faulty: Make, new_stream: New
) -> None:
    made = make_faulty().application_recorder()
    recorder = make_faulty(CREATE_TABLE="no", MONGODB_APPEND_DEADLINE="0.5").application_recorder()
    assert isinstance(recorder, MongoApplicationRecorder)
    events, append_id = new_stream(), uuid4()
    with failing(url_with_faults, "listIndexes", times=9, blockConnection=True, blockTimeMS=3000):
        for repeated, kind in ((None, OperationalError), (append_id, AppendOutcomeUnknownError)):
            watch = Stopwatch()
            with pytest.raises(kind, match="cannot look at the indexes") as caught:
                recorder.insert_events(events, append_id=repeated)
            assert watch.seconds() < 1.5
            assert type(caught.value) is kind
    assert recorder.insert_events(events, append_id=append_id) == [1]
    assert made.max_notification_id() == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"MONGODB_URL": ""}, "MONGODB_URL is not set"),
        ({"MONGODB_DATABASE": " "}, "MONGODB_DATABASE is not set"),
        ({"MONGODB_MAX_POOL_SIZE": "many"}, "MONGODB_MAX_POOL_SIZE is 'many'"),
        (
            {"MONGODB_MAX_POOL_SIZE": "0"},
            "MONGODB_MAX_POOL_SIZE is '0': a whole number from 1 up is expected",
        ),
        ({"MONGODB_MIN_POOL_SIZE": "-1"}, "a whole number from 0 up is expected"),
        ({"MONGODB_APPEND_DEADLINE": "nan"}, "a number of seconds above 0 is expected"),
        ({"MONGODB_BATCH_BYTES": "40000001"}, "MONGODB_BATCH_BYTES is '40000001': 40000000 is the most"),
        ({"MONGODB_BATCH_EVENTS": "50001"}, "MONGODB_BATCH_EVENTS is '50001': 50000 is the most"),
        ({"MONGODB_BATCH_EVENTS": "0"}, "a whole number from 1 up is expected"),
        ({"CREATE_TABLE": "perhaps"}, "CREATE_TABLE is 'perhaps'"),
    ],
)
def test_a_bad_setting_is_named(make_factory: Make, settings: dict[str, str], message: str) -> None:
    with pytest.raises(OSError, match=message):
        make_factory(**settings)


def test_a_batch_may_be_as_large_as_one_command_carries(make_factory: Make) -> None:
    factory = make_factory(MONGODB_BATCH_BYTES="40000000", MONGODB_BATCH_EVENTS="50000")
    settings = factory.datastore.settings
    assert (settings.max_batch_bytes, settings.max_batch_events) == (40_000_000, 50_000)


@pytest.mark.parametrize(
    "url", ["http://localhost", "mongodb://", "mongodb://a/?w=x&nonsense", "mongodb://h:port/"]
)
def test_a_malformed_url_is_said_without_showing_it(make_factory: Make, url: str) -> None:
    with pytest.raises(InterfaceError, match="the MongoDB URL cannot be used"):
        make_factory(MONGODB_URL=url)


def test_options_of_the_url_do_not_weaken_the_store(mongodb_url: str) -> None:
    weak = "&w=1&journal=false&readConcernLevel=local&retryWrites=false&uuidRepresentation=pythonLegacy&tz_aware=false"
    with make_client(ClientSettings(mongodb_url + weak, "test")) as client:
        assert client.write_concern.document == {"w": "majority", "j": True}
        assert client.read_concern.level == "majority"
        assert client.options.retry_writes
        assert client.codec_options.uuid_representation == 4
        assert client.codec_options.tz_aware


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
def test_both_asynchronous_drivers_serve(mongodb_url: str, mongodb_database: str, driver: Driver) -> None:
    async def use() -> list[dict[str, Any]]:
        client = make_async_client(ClientSettings(mongodb_url, "test"), driver)
        try:
            things = client[mongodb_database]["things"]
            await things.insert_many([{"_id": number} for number in range(3)])
            return await things.find({"_id": {"$gt": 0}}).sort("_id").to_list(10)
        finally:
            await close_async_client(client)

    assert asyncio.run(use()) == [{"_id": 1}, {"_id": 2}]


def test_an_asynchronous_client_with_a_malformed_url_is_refused() -> None:
    for driver in ("motor", "pymongo"):
        with pytest.raises(InterfaceError, match="the MongoDB URL cannot be used"):
            make_async_client(ClientSettings("http://localhost", "test"), driver)


def test_collections_carry_the_applications_name(mongodb_url: str, mongodb_database: str) -> None:
    class MealDiary(Application):  # type: ignore[type-arg] # any ids
        name = "Meal Diary/2"
        is_snapshotting_enabled = True

    env = {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MEAL DIARY/2_MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": mongodb_database,
    }
    with MealDiary(env=env) as application:
        assert isinstance(application.factory, MongoFactory)
        application.factory.tracking_recorder().insert_tracking(Tracking("upstream", 1))
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        names = client[mongodb_database].list_collection_names()
    kinds = ("events", "events_fences", "snapshots", "snapshots_fences", "tracking")
    assert sorted(names) == [f"meal_diary_2_{kind}" for kind in kinds]


def test_the_module_is_all_that_has_to_be_named(mongodb_url: str, mongodb_database: str) -> None:
    env = {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": mongodb_database,
    }
    factory = InfrastructureFactory[Any].construct(env)
    assert type(factory) is MongoFactory
    factory.close()
    factory.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (121, DataError),
        (10334, DataError),
        (17280, DataError),
        (11000, IntegrityError),
        (20, NotSupportedError),
        (13, OperationalError),
    ],
)
def test_the_first_refused_document_gives_the_error(code: int, kind: type[PersistenceError]) -> None:
    """Of several refused documents."""
    refused = [{"index": 0, "code": code, "errmsg": "first"}, {"index": 1, "code": 1, "errmsg": "second"}]
    error = in_library_terms(BulkWriteError({"writeErrors": refused, "writeConcernErrors": []}), "it failed")
    assert type(error) is kind
    assert str(error) == f"it failed: first (code {code})"


def test_a_write_without_majority_is_no_data_error() -> None:
    unconfirmed = {"code": 64, "errmsg": "waiting for replication timed out"}
    reply = {"writeErrors": [], "writeConcernErrors": [unconfirmed]}
    assert type(in_library_terms(BulkWriteError(reply), "it failed")) is OperationalError


def test_a_member_that_has_only_just_started_is_asked_again() -> None:
    """As the driver words it, in a fail-over: with a server that never had sessions it would not have begun."""
    error = ConfigurationError("Sessions are not supported by this MongoDB deployment")
    assert is_undecided(error)
    assert type(in_library_terms(error, "cannot read the log")) is OperationalError
    other = ConfigurationError("Authentication mechanism must be one of")
    assert not is_undecided(other)
    assert type(in_library_terms(other, "cannot read the log")) is InterfaceError


def test_no_error_of_the_driver_comes_out(url_with_faults: str, make_faulty: Make, new_stream: New) -> None:
    recorder = make_faulty(MONGODB_READ_DEADLINE="0.5").application_recorder()
    for code in (1, 2, 8, 26, 59, 13, 96, 286):
        with failing(url_with_faults, "find", times=100, errorCode=code):
            for read in (recorder.max_notification_id, lambda: recorder.select_events("stream")):
                with pytest.raises(PersistenceError):
                    read()
