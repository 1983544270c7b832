"""One member of a replica set: a mongod process that tests kill, freeze and restart."""

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient

from ops.local.children import start_child
from ops.local.mongod_binary import find_mongod
from ops.local.ports import LOOPBACK, free_port

Document = dict[str, Any]

REPLICA_SET = "faults"
_END_SECONDS = 10
# A member that is killed before its first checkpoint starts again from nothing, and one that then has minutes of writes
# to roll back may take a minute for it. The server's own default is 60.
_CHECKPOINT_SECONDS = 5


class Node:
    """A mongod process on loopback, with its data in `folder`. It is killed with the thread that started it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.is_frozen = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def _log(self) -> Path:
        return self.folder.with_suffix(".log")

    @property
    def is_running(self) -> bool:
        """Whether there is a process, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the process, on the data it had; see `ReplicaSet.wait_until_healthy` for when it serves."""
        assert not self.is_running
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = start_child(self._command(), log=self._log, death_signal=signal.SIGKILL)
        self.is_frozen = False
        return self

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone; nothing to do when it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_END_SECONDS)
        self.is_frozen = False

    def freeze(self) -> None:
        """SIGSTOP: its sockets stay open, the kernel goes on receiving, the process does not answer."""
        self._send(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        self._send(signal.SIGCONT)
        self.is_frozen = False

    @contextmanager
    def client(self, timeout: float = 5.0) -> Iterator[MongoClient[Document]]:
        """A client of this node alone, whatever its state."""
        milliseconds = int(timeout * 1000)
        with MongoClient[Document](
            f"mongodb://{self.address}/?directConnection=true",
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            socketTimeoutMS=milliseconds,
        ) as client:
            yield client

    def command(self, command: str | Document, timeout: float = 5.0) -> Document:
        """The answer of this node to an admin command. Raises PyMongoError."""
        with self.client(timeout) as client:
            return client.admin.command(command)

    def said(self, words: str) -> int:
        """How many lines of its log have these words."""
        return sum(words.encode() in line for line in self._log.read_bytes().splitlines())

    def set_fail_point(self, name: str, mode: object, data: Mapping[str, object] | None = None) -> int:
        """Turn one of the server's own test fail points on or off; `mode` is 'alwaysOn', 'off' or {'times': n}.

        Returns how often the server has come by it so far.
        """
        command: Document = {"configureFailPoint": name, "mode": mode}
        if data is not None:
            command["data"] = dict(data)
        return int(self.command(command)["count"])

    def wait_for_fail_point(self, name: str, times: int, timeout: float) -> None:
        """Wait until the server has come by a fail point so many times, counted from its start."""
        self.command(
            {"waitForFailPoint": name, "timesEntered": times, "maxTimeMS": int(timeout * 1000)}, timeout + 5
        )

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _command(self) -> list[str | Path]:
        return [
            find_mongod(),
            "--dbpath", self.folder,
            "--port", str(self.port),
            "--bind_ip", LOOPBACK,
            "--replSet", REPLICA_SET,
            "--nounixsocket",
            "--wiredTigerCacheSizeGB", "0.25",
            "--oplogSize", "128",
            "--syncdelay", str(_CHECKPOINT_SECONDS),
            "--setParameter", "diagnosticDataCollectionEnabled=false",
            "--setParameter", "enableTestCommands=1",
            "--quiet",
        ]  # fmt: skip
