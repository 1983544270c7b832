"""How long a connection to the database lives, and that a process ends without a database."""

import gc
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from eventsourcing.persistence import InfrastructureFactory, StoredEvent, TrackingRecorder
from eventsourcing.utils import Environment
from pymongo import MongoClient

from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from ops.local.mongod import LocalMongod

ROOT = Path(__file__).parents[3]
New = Callable[..., list[StoredEvent]]


def connections(url: str, app_name: str) -> int:
    """How many connections the server has from clients of this name."""
    with MongoClient[dict[str, Any]](url) as client:
        operations = client.admin.aggregate(
            [{"$currentOp": {"allUsers": True, "idleConnections": True}}, {"$match": {"appName": app_name}}]
        )
        return len(list(operations))


def test_a_recorder_outlives_its_factory(mongodb_url: str, mongodb_database: str, new_stream: New) -> None:
    settings = {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": mongodb_database,
    }
    factory: InfrastructureFactory[TrackingRecorder] = InfrastructureFactory.construct(
        Environment("", settings)
    )
    recorder = factory.application_recorder()
    forgotten = ref(factory)
    del factory
    gc.collect()
    assert forgotten() is None
    assert recorder.insert_events(new_stream()) == [1]
    assert isinstance(recorder, MongoApplicationRecorder)
    recorder.datastore.close()


def test_the_last_recorder_to_be_forgotten_closes_the_connection(
    mongodb_url: str, mongodb_database: str, new_stream: New
) -> None:
    factory = MongoFactory({"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": mongodb_database})
    recorder = factory.application_recorder()
    recorder.insert_events(new_stream())
    assert isinstance(recorder, MongoApplicationRecorder)
    recorder.wait_for_position(1, 0.1)  # which begins a change stream, in a thread
    app_name = factory.datastore.app_name
    assert connections(mongodb_url, app_name) > 0
    del factory, recorder
    gc.collect()
    deadline = Deadline.after(30)
    while connections(mongodb_url, app_name) and not deadline.passed:
        pass  # each look asks the server
    assert connections(mongodb_url, app_name) == 0


@pytest.mark.parametrize("closes", [False, True], ids=["not closed", "closed at exit"])
def test_a_process_ends_although_its_database_is_gone(tmp_path: Path, closes: bool) -> None:
    """At its exit no thread can be started any more, and a client that looks for a server would wait for one."""
    script = f"""
        import atexit, os, signal, sys, time
        from eventsourcing.application import Application
        from eventsourcing.domain import Aggregate

        class Dogs(Application):
            pass

        dogs = Dogs()
        if {closes}:
            atexit.register(dogs.close)
        dogs.save(Aggregate())
        os.kill(int(sys.argv[1]), signal.SIGKILL)
        while dogs.recorder.datastore.client.topology_description.has_writable_server():
            time.sleep(0.01)  # until the driver has noticed
        print("at its end", flush=True)
    """
    with LocalMongod(tmp_path / "db") as server:
        assert server.process is not None
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), str(server.process.pid)],
            cwd=ROOT,
            env={
                **os.environ,
                "PERSISTENCE_MODULE": "adapters.mongo.event_store",
                "MONGODB_URL": server.url,
                "MONGODB_DATABASE": "dogs",
            },
            capture_output=True,
            text=True,
            timeout=60,  # it took more than ten minutes
            check=False,
        )
    assert ended.stdout == "at its end\n"
    assert ended.returncode == 0, ended.stderr
