"""The real MongoDB of the local environment and the tests."""

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from ops.local.mongod import LocalMongod
from ops.local.mongod_binary import ServerNotStarted, find_mongod, why_it_failed
from ops.local.ports import LOOPBACK, free_port
from tests.ops.local.processes import is_alive


def test_data_survives_a_restart_on_another_port(tmp_path: Path) -> None:
    ports = set()
    for run in range(2):
        with LocalMongod(tmp_path / "db") as server, MongoClient[dict[str, Any]](server.url) as client:
            ports.add(server.port)
            with client.start_session() as session, session.start_transaction():
                client.diary.meals.insert_one({"_id": run}, session=session)
            assert client.diary.meals.count_documents({}) == run + 1
        assert server.process
        assert server.process.returncode == 0
    assert len(ports) == 2


def test_the_usual_port_is_taken_again(tmp_path: Path) -> None:
    usual = free_port()
    with LocalMongod(tmp_path / "db", usual_port=usual) as server:
        assert server.port == usual


def test_all_data_is_there_after_a_kill(tmp_path: Path) -> None:
    with LocalMongod(tmp_path / "db") as server:
        with MongoClient[dict[str, Any]](server.url, w="majority") as client:
            client.diary.meals.insert_one({"_id": 1})
        server.send(signal.SIGKILL)
        assert server.process
        assert server.process.wait(10) == -signal.SIGKILL
    with LocalMongod(tmp_path / "db") as server, MongoClient[dict[str, Any]](server.url) as client:
        assert client.diary.meals.find_one() == {"_id": 1}


def test_a_port_in_use_is_reported_by_the_server(tmp_path: Path) -> None:
    """In the words of mongod."""
    with (
        socket.create_server((LOOPBACK, 0)) as other,
        pytest.raises(ServerNotStarted, match=r"^mongod did not start \(.*Address already in use"),
    ):
        LocalMongod(tmp_path / "db", port=other.getsockname()[1]).start()


def test_a_port_that_another_program_took_first_is_replaced(tmp_path: Path) -> None:
    server = LocalMongod(tmp_path / "db")
    with socket.create_server((LOOPBACK, server.port)):
        taken = server.port
        with server:
            assert server.port != taken


def test_a_usual_port_that_another_program_has_is_replaced(tmp_path: Path) -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as other,
        LocalMongod(tmp_path / "db", usual_port=other.getsockname()[1]) as server,
    ):
        assert server.port != other.getsockname()[1]


def test_a_broken_folder_is_said_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "WiredTiger").write_text("broken")
    (tmp_path / "db" / "storage.bson").write_bytes(b"broken")
    server = LocalMongod(tmp_path / "db")
    with pytest.raises(ServerNotStarted, match=r"^mongod did not start \(.+\): see ") as refused:
        server.start()
    assert "\n" not in str(refused.value)
    assert server.poll() is not None


def test_a_waiting_caller_may_give_up(tmp_path: Path) -> None:
    server = LocalMongod(tmp_path / "db")

    def give_up() -> None:
        assert server.process
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        server.start(while_waiting=give_up)
    assert server.process
    assert not is_alive(server.process.pid)


def test_one_that_is_not_ready_in_time_is_stopped(tmp_path: Path) -> None:
    server = LocalMongod(tmp_path / "db")
    with pytest.raises(ServerNotStarted, match="not ready in time"):
        server.start(timeout=0)
    assert server.poll() is not None


class TestFindingMongod:
    def test_the_one_on_the_path_comes_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program(tmp_path / "mongod", "exit 0")
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        assert find_mongod() == tmp_path / "mongod"

    def test_none_at_all_says_what_to_do(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(ServerNotStarted, match="put one on the PATH, or set MONGODB_URL"):
            find_mongod()


def program(file: Path, script: str) -> None:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_a_missing_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = "libcurl.so.4: cannot open shared object file: No such file or directory"
    program(
        tmp_path / "mongod", f"echo 'mongod: error while loading shared libraries: {library}' >&2; exit 127"
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ServerNotStarted) as refused:
        LocalMongod(tmp_path / "db").start()
    message = str(refused.value)
    binary = tmp_path / "mongod"
    assert message.startswith(
        f"{binary} cannot be loaded (exit code 127: {library}): install libcurl4 and OpenSSL 3"
    )
    assert "take it off the PATH" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("script", "how"),
    [
        ("exit 3", "exit code 3: it said nothing"),
        ("echo no; echo 'not today'; exit 1", "exit code 1: not today"),
        ("kill -SEGV $$", "SIGSEGV: it said nothing"),
    ],
)
def test_a_broken_one_on_the_path_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, how: str
) -> None:
    program(tmp_path / "mongod", script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ServerNotStarted) as refused:
        LocalMongod(tmp_path / "db").start()
    message = str(refused.value)
    assert message.startswith(
        f"{tmp_path / 'mongod'} did not start ({how}): take it off the PATH to use the one "
    )
    assert message.endswith(f"(log: {tmp_path / 'db.log'})")


def test_a_mongod_off_the_path_gets_other_advice(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    message = why_it_failed(tmp_path / "mongod", 1, tmp_path / "log", 0)
    assert "put another mongod on the PATH, or set MONGODB_URL to a server that runs elsewhere" in message


def test_a_processor_without_avx_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    assert "AVX" in why_it_failed(tmp_path / "mongod", -signal.SIGILL, tmp_path / "log", 0)


def test_the_log_of_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "log"
    old = '{"s":"F","msg":"old trouble"}\n'
    log.write_text(
        old + '{"s":"I","msg":"hello"}\n[1]\n{"s":"E","msg":"new trouble","attr":{"error":"disk full"}}\n'
    )
    message = why_it_failed(tmp_path / "mongod", 1, log, len(old))
    assert message == f"mongod did not start (new trouble: disk full): see {log}"
