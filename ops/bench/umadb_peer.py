"""UmaDB beside the store: its server from the wheel `umadb`, for as long as the benchmark runs, and its client."""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from ops.errors import OperatorError
from ops.local.children import last_log_line, start_child
from ops.local.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from umadb import Event, QueryItem

_START_SECONDS = 30.0


class UmaDBMissing(OperatorError):
    """There is no UmaDB to measure; the message says what is missing."""


class LocalUmaDB:
    """A server with a new file, on loopback, with its own defaults."""

    def __init__(self, folder: Path) -> None:
        """Raises UmaDBMissing."""
        if importlib.util.find_spec("umadb") is None:
            raise UmaDBMissing("umadb is not installed (the extra `bench`)")
        self._log = folder / "umadb.log"
        self._file = folder / "uma.db"
        self._address = f"{LOOPBACK}:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    def version(self) -> str:
        return version("umadb")

    def __enter__(self) -> Self:
        server = "from umadb.umadb_server_cli import main; main()"
        self._process = start_child(
            [sys.executable, "-c", server, "--listen", self._address, "--db-path", self._file], log=self._log
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise UmaDBMissing(f"UmaDB does not start: {last_log_line(self._log)}")
            time.sleep(0.05)  # a look at another process from time to time, bounded by the deadline
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        from umadb import Client, TransportError  # noqa: PLC0415 - only where it is installed

        try:
            Client(self.url).head()
        except TransportError:
            return False
        return True


class UmaDBStore:
    """Its client. Stream and version are tags, and an append is conditional on no event having the same two."""

    def __init__(self, url: str, states: list[bytes]) -> None:
        from umadb import Client  # noqa: PLC0415 - only where it is installed

        self._client = Client(url)
        self.states = states

    def append(self, events: Sequence[StoredEvent]) -> None:
        from umadb import AppendCondition, Query  # noqa: PLC0415

        unique = Query(items=[_place(event) for event in events])
        self._client.append([_uma_event(event) for event in events], AppendCondition(unique))

    def read_log(self, after: int, limit: int) -> int:
        return len(list(self._client.read(start=after + 1, limit=limit)))

    def read_stream(self, stream: UUID | str) -> int:
        from umadb import Query, QueryItem  # noqa: PLC0415

        return len(list(self._client.read(Query(items=[QueryItem(tags=[str(stream)])]))))

    def close(self) -> None:
        self._client.close()


def _uma_event(event: StoredEvent) -> "Event":
    from umadb import Event  # noqa: PLC0415

    return Event(event.topic, event.state, [str(event.originator_id), _version_tag(event)])


def _place(event: StoredEvent) -> "QueryItem":
    from umadb import QueryItem  # noqa: PLC0415

    return QueryItem(tags=[_version_tag(event)])


def _version_tag(event: StoredEvent) -> str:
    return f"{event.originator_id}@{event.originator_version}"
