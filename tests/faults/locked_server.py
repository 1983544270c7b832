"""A mongod that authenticates every client: a replica set of one member with --keyFile, and so with --auth."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from ops.local.children import start_child
from ops.local.mongod_binary import find_mongod
from ops.local.ports import LOOPBACK, free_port

_SET = "locked"
_START_SECONDS = 30.0
_ADMIN = "admin-of-tests"


class LockedServer:
    """Users have the password that they are given, and log in to `admin`."""

    def __init__(self, port: int) -> None:
        self._address = f"{LOOPBACK}:{port}"
        self._admin = MongoClient[dict[str, Any]](self.url(_ADMIN, _ADMIN))

    def url(self, user: str, password: str, address: str = "") -> str:
        """The address for this user; `address` is another way to the same server, such as a proxy."""
        host = address or self._address
        return f"mongodb://{user}:{password}@{host}/?authSource=admin&directConnection=true"

    def add_user(self, name: str, password: str, *roles: str | Mapping[str, str]) -> None:
        self._admin.admin.command("createUser", name, pwd=password, roles=list(roles))

    def add_role(self, name: str, privileges: Sequence[Mapping[str, object]]) -> None:
        self._admin.admin.command("createRole", name, privileges=list(privileges), roles=[])

    def change_password(self, name: str, password: str) -> None:
        self._admin.admin.command("updateUser", name, pwd=password)

    def drop_user(self, name: str) -> None:
        self._admin.admin.command("dropUser", name)

    def close(self) -> None:
        self._admin.close()


@contextmanager
def locked_server(folder: Path) -> Iterator[LockedServer]:
    """Such a server, from the main thread only; its data are in `folder`."""
    data, key = folder / "db", folder / "key"
    data.mkdir(parents=True)
    key.write_text("a secret of this one member")
    key.chmod(0o400)
    port = free_port()
    command: list[str | Path] = [
        find_mongod(),
        "--dbpath", data,
        "--port", str(port),
        "--bind_ip", LOOPBACK,
        "--replSet", _SET,
        "--keyFile", key,
        "--nounixsocket",
        "--wiredTigerCacheSizeGB", "0.25",
        "--oplogSize", "64",
        "--quiet",
    ]  # fmt: skip
    process = start_child(command, log=folder / "db.log")
    try:
        _initiate(port)
        server = LockedServer(port)
        try:
            yield server
        finally:
            server.close()
    finally:
        process.kill()
        process.wait(10)


def _initiate(port: int) -> None:
    """Make it a primary with one user, which is all that the server lets a stranger on its own machine do."""
    deadline = time.monotonic() + _START_SECONDS
    member = {"_id": 0, "host": f"{LOOPBACK}:{port}"}
    with MongoClient[dict[str, Any]](f"mongodb://{LOOPBACK}:{port}/?directConnection=true") as client:
        client.admin.command("replSetInitiate", {"_id": _SET, "members": [member]})
        while not client.admin.command("hello")["isWritablePrimary"]:
            if time.monotonic() > deadline:
                raise TimeoutError("the server with users is no primary in time")
            time.sleep(0.02)  # a look at another process from time to time, bounded by the deadline
        client.admin.command("createUser", _ADMIN, pwd=_ADMIN, roles=["root"])
