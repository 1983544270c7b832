"""The roles of `ops/guides/database_roles.md`, as that page has them, on a server that checks rights."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import Environment
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure

from adapters.mongo.event_store import MongoFactory
from ops.stand_ins.food_services import LocalFoodServices
from tests.adapters.mongo.cutting_proxy import CuttingProxy
from tests.faults.locked_server import LockedServer, locked_server
from tests.ops.deployment import Deployment, service_env
from tests.ops.local.processes import ROOT, eventually
from tests.ops.running_service import meal_ledger

PAGE = ROOT / "ops" / "guides" / "database_roles.md"
DATABASE = "meal_ledger"
OWNER, API, PROJECTOR, STRANGER = "owner", "api", "projector", "stranger"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedServer]:
    """A server with the page's roles, created by the database's owner, and a user for each."""
    with locked_server(tmp_path_factory.mktemp("roles")) as running:
        running.add_user(OWNER, "secret", {"role": "dbOwner", "db": DATABASE})
        with MongoClient[dict[str, Any]](running.url(OWNER, "secret")) as owner:
            for role in re.findall(
                r"^db\.createRole\((\{.*?^\})\)", PAGE.read_text(), re.DOTALL | re.MULTILINE
            ):
                command = json.loads(role)
                owner[DATABASE].command("createRole", command.pop("role"), **command)
        running.add_user(API, "secret", {"role": "mealLedgerApi", "db": DATABASE})
        running.add_user(PROJECTOR, "secret", {"role": "mealLedgerProjector", "db": DATABASE})
        yield running


@pytest.fixture(scope="module")
def deployment(
    server: LockedServer, food_services: LocalFoodServices, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The deployment of the page: `init` by the owner, then `serve` and `project`, each as its own user."""
    env = service_env(server.url(OWNER, "secret"), DATABASE, food_services.port)
    with Deployment(env, tmp_path_factory.mktemp("deployment")) as running:
        refused = meal_ledger("serve", env=env | {"MONGODB_URL": server.url(API, "secret")})
        assert "run `meal-ledger init` first" in refused.stderr
        running.init()
        running.launch("project", MONGODB_URL=server.url(PROJECTOR, "secret"))
        running.launch("serve", MONGODB_URL=server.url(API, "secret"))
        running.ready()
        yield running


@pytest.fixture
def as_api(server: LockedServer) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](server.url(API, "secret"), uuidRepresentation="standard") as client:
        yield client


@pytest.fixture
def as_owner(server: LockedServer) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](server.url(OWNER, "secret")) as client:
        yield client[DATABASE]


def test_commands_and_projections_work_with_the_documented_roles(deployment: Deployment) -> None:
    with deployment.client() as alice:
        analyzed = alice.analyze(at="2025-11-13T12:00:00Z")
        confirmed = alice.confirm(analyzed["mealId"], analyzed["meal"]["entries"][0]["id"])
        assert alice.summary("2025-11-13", confirmed["position"])["mealCount"] == 1
        assert alice.status(analyzed["mealId"]) == "CONFIRMED"
    for command in ("serve", "project"):
        output = deployment.output(command).read_text()
        assert not re.search(r"not authori|no change stream", output, re.IGNORECASE), output


def test_the_apis_user_cannot_change_or_delete_an_event(
    deployment: Deployment, as_api: MongoClient[dict[str, Any]]
) -> None:
    with deployment.client() as alice:
        alice.analyze()
    events = as_api[DATABASE].meal_ledger_events
    before = events.find_one({"_id": 1})
    for attempt in (
        lambda: events.update_one({"_id": 1}, {"$set": {"topic": "Forged"}}),
        lambda: events.replace_one({"_id": 1}, {}),
        lambda: events.find_one_and_update({"_id": 1}, {"$unset": {"state": 1}}),
        lambda: events.delete_one({"_id": 1}),
        events.drop,
        lambda: events.drop_index("stream_version"),
        lambda: as_api[DATABASE].meals_v2.delete_many({}),
        lambda: list(events.aggregate([{"$merge": "meal_ledger_events"}])),
    ):
        with pytest.raises(OperationFailure, match=r"(?i)not authorized"):
            attempt()
    assert before == events.find_one({"_id": 1})


def test_the_projectors_user_cannot_append_change_or_delete_an_event(
    deployment: Deployment, server: LockedServer
) -> None:
    with MongoClient[dict[str, Any]](server.url(PROJECTOR, "secret")) as client:
        events = client[DATABASE].meal_ledger_events
        for attempt in (
            lambda: events.insert_one({"_id": 1_000_000}),
            lambda: events.update_one({}, {"$set": {"topic": "Forged"}}),
            lambda: events.delete_one({}),
        ):
            with pytest.raises(OperationFailure, match=r"(?i)not authorized"):
                attempt()


def test_the_apis_user_may_resolve_an_append_in_doubt(server: LockedServer, deployment: Deployment) -> None:
    """The fence is a write to another collection, which may not be there yet."""
    with CuttingProxy(server.url(API, "secret")) as proxy:
        address = proxy.url.partition("//")[2].partition("/")[0]
        with api_store(server.url(API, "secret", address)) as factory:
            recorder = factory.application_recorder()
            proxy.lose_answers(b"insert", times=1)
            positions = recorder.insert_events([StoredEvent(uuid4(), 1, "Stray", b"{}")])
            assert positions == [recorder.max_notification_id()]


@pytest.mark.parametrize("count", [1, 2])
def test_the_apis_user_may_end_its_own_orphaned_transactions(
    server: LockedServer, deployment: Deployment, as_api: MongoClient[dict[str, Any]], count: int
) -> None:
    with api_store(server.url(API, "secret")) as factory:
        recorder = factory.application_recorder()
        position = (recorder.max_notification_id() or 0) + 1
        name = factory.datastore.app_name
        with (
            MongoClient[dict[str, Any]](server.url(API, "secret"), appname=name) as client,
            client.start_session() as session,
        ):
            session.start_transaction()
            orphan = {"_id": position, "originator_id": "dead", "originator_version": 1}
            client[DATABASE].meal_ledger_events.insert_one(orphan, session=session)
            stream = uuid4()
            appended = [StoredEvent(stream, version, "Stray", b"{}") for version in range(1, count + 1)]
            assert recorder.insert_events(appended) == list(range(position, position + count))
            with pytest.raises(OperationFailure):
                session.commit_transaction()


def test_init_by_the_apis_user_is_refused_with_one_line(server: LockedServer, deployment: Deployment) -> None:
    refused = meal_ledger("init", env=deployment.env | {"MONGODB_URL": server.url(API, "secret")})
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert "not authorized" in line


@pytest.mark.parametrize("lost", ["everything", "checkpoint", "parked events"])
def test_the_projectors_user_may_rebuild_a_lost_read_model(
    deployment: Deployment, as_owner: Database[dict[str, Any]], lost: str
) -> None:
    with deployment.client() as alice:
        meal_id = alice.analyze()["mealId"]
        before = generation(as_owner)
        lose_read_model(as_owner, lost)
        eventually(lambda: generation(as_owner) not in {None, before})
        eventually(deployment.is_ready)
        assert alice.status(meal_id) == "ANALYZED"
    assert "history" in as_owner.meals_v2.index_information()


def test_a_projector_without_rights_pauses_with_the_reason(
    deployment: Deployment, as_owner: Database[dict[str, Any]]
) -> None:
    """The right to rebuild its read model."""
    right = {"resource": {"db": DATABASE, "collection": "meals_v2"}, "actions": ["dropCollection"]}
    before, log = generation(as_owner), deployment.output("project")
    logged = len(log.read_text())
    as_owner.command("revokePrivilegesFromRole", "mealLedgerProjector", privileges=[right])
    lose_read_model(as_owner, "checkpoint")
    eventually(lambda: "projection_paused" in log.read_text()[logged:])
    [line] = [line for line in log.read_text()[logged:].splitlines() if "projection_paused" in line]
    paused = json.loads(line)
    assert paused["projection"] == "meals_v2"
    assert "not authorized" in paused["error"]
    as_owner.command("grantPrivilegesToRole", "mealLedgerProjector", privileges=[right])
    eventually(lambda: generation(as_owner) not in {None, before})
    eventually(deployment.is_ready)


def lose_read_model(database: Database[dict[str, Any]], what: str) -> None:
    if what == "everything":
        database.meals_v2.drop()
        database.meals_v2_parked.drop()
    elif what == "checkpoint":
        database.meals_v2.delete_one({"_id": {"checkpoint": "meals_v2"}})
    else:
        database.meals_v2_parked.drop()


def generation(database: Database[dict[str, Any]]) -> str | None:
    """Of which generation the meals are; None while their storage has no checkpoint."""
    found = database.meals_v2.find_one({"_id": {"checkpoint": "meals_v2"}})
    return None if found is None else str(found["generation"])


@contextmanager
def api_store(url: str) -> Iterator[MongoFactory]:
    """The store as `serve` opens it, over this address."""
    factory = MongoFactory(
        Environment(
            "meal_ledger",
            {
                "MONGODB_URL": url,
                "MONGODB_DATABASE": DATABASE,
                "MONGODB_ATTEMPT_TIMEOUT": "0.5",
                "CREATE_TABLE": "no",
            },
        )
    )
    try:
        yield factory
    finally:
        factory.close()
