"""A real MongoDB for the local environment and the tests: one mongod as a one-node replica set."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ops.local.children import start_child
from ops.local.mongod_binary import ServerNotStarted, find_mongod, why_it_failed
from ops.local.ports import LOOPBACK, free_port

REPLICA_SET = "meal-ledger"
_NOT_YET_INITIALIZED = 94  # error code NotYetInitialized
_EXIT_NET_ERROR = 48  # mongod's exit code when it cannot listen on its port


def _nothing() -> None:
    """Do nothing while waiting."""


class LocalMongod:
    """One running mongod on loopback; a context manager that stops it.

    `data` is kept: started again on the same folder, all data is there. Without a `port` it takes `usual_port`, or a
    free one where none is given or another program listens there. `log` is a file beside `data` unless given. The
    server inherits the descriptors in `keep_open`. A `frugal` one takes little memory and disk; it has to write to its
    files sooner, in the middle of other work. One that is not has a cache and an oplog of the size that the server
    chooses itself.
    """

    name = "MongoDB"

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        usual_port: int | None = None,
        log: Path | None = None,
        extra: tuple[str, ...] = (),
        keep_open: Sequence[int] = (),
        frugal: bool = True,
    ) -> None:
        self.data = data
        self.port = port or usual_port or free_port()
        self.log = log or data.parent / f"{data.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._port_is_given = port is not None
        self._extra = extra
        self._keep_open = keep_open
        self._sizes = ("--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "256") if frugal else ()

    @property
    def url(self) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/?replicaSet={REPLICA_SET}"

    def start(self, timeout: float = 60.0, *, while_waiting: Callable[[], None] = _nothing) -> Self:
        """Start the server and wait until it is a primary, calling `while_waiting` between looks.

        Raises ServerNotStarted, with the reason from the server's log, when it does not come up, and whatever
        `while_waiting` raises; the server is stopped then.
        """
        deadline = time.monotonic() + timeout
        try:
            while self._launch(deadline, while_waiting) == _EXIT_NET_ERROR and not self._port_is_given:
                self.port = free_port()  # another program was quicker than we
        except BaseException:
            self.stop()
            raise
        return self

    def _launch(self, deadline: float, while_waiting: Callable[[], None]) -> int | None:
        """None once the server is a primary; its exit code if it ended because of its port."""
        self.data.mkdir(parents=True, exist_ok=True)
        said_before = self.log.stat().st_size if self.log.exists() else 0
        binary = find_mongod()
        self.process = start_child(self._command(binary), log=self.log, keep_open=self._keep_open)
        with MongoClient[dict[str, Any]](
            f"mongodb://{LOOPBACK}:{self.port}/?directConnection=true",
            serverSelectionTimeoutMS=200,
            connectTimeoutMS=1000,
            socketTimeoutMS=5000,
        ) as client:
            while not self._is_primary(client):
                while_waiting()
                code = self.process.poll()
                if code == _EXIT_NET_ERROR and not self._port_is_given:
                    return code
                if code is not None:
                    raise ServerNotStarted(why_it_failed(binary, code, self.log, said_before))
                if time.monotonic() > deadline:
                    raise ServerNotStarted(f"{binary} is not ready in time: see {self.log}")
                time.sleep(0.02)  # a look at another process from time to time, bounded by the deadline
        return None

    def _command(self, binary: Path) -> list[str | Path]:
        return [
            binary,
            "--dbpath", self.data,
            "--port", str(self.port),
            "--bind_ip", LOOPBACK,
            "--replSet", REPLICA_SET,
            "--nounixsocket",
            "--setParameter", "diagnosticDataCollectionEnabled=false",
            "--quiet",
            *self._sizes,
            *self._extra,
        ]  # fmt: skip

    def _is_primary(self, client: MongoClient[dict[str, Any]]) -> bool:
        address = f"{LOOPBACK}:{self.port}"
        try:
            config = client.admin.command("replSetGetConfig")["config"]
            if config["members"][0]["host"] != address:
                config["members"][0]["host"] = address
                config["version"] += 1
                client.admin.command("replSetReconfig", config, force=True)
            return bool(client.admin.command("hello")["isWritablePrimary"])
        except OperationFailure as error:
            if error.code == _NOT_YET_INITIALIZED:
                # A set that is only not loaded yet refuses this, or is slow to answer; the next look tells.
                with suppress(PyMongoError):
                    client.admin.command(
                        "replSetInitiate",
                        {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]},
                    )
            return False
        except PyMongoError:
            return False  # it does not listen yet

    def poll(self) -> int | None:
        """The exit code of the server if it has ended."""
        return self.process.poll() if self.process else None

    def send(self, number: signal.Signals) -> None:
        """Send the server a signal, if it is there."""
        if self.process:
            self.process.send_signal(number)

    def stop(self, timeout: float = 30.0) -> None:
        """Shut down cleanly; kill after `timeout` seconds. Stopping twice is fine."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
