"""The folder of one local environment: data, logs, settings, and the locks that keep it to one at a time."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OperatorError
from ops.settings import LOCAL_ENV_FILE

_STOPPING = "stopping"
_LOOK = 0.05  # seconds between two looks at a lock that another process will release


class DataFolderUnusable(OperatorError):
    """The folder cannot be used."""


@dataclass(frozen=True)
class Claim:
    """A folder held. Every child must inherit the descriptor `children_lock`."""

    _own_lock: int
    children_lock: int

    def announce_end(self) -> None:
        """Let a successor wait for the end of what still runs, instead of being refused."""
        _write(self._own_lock, _STOPPING)


class DataFolder:
    """Paths in the folder, and its lock.

    Two locks, both `flock`, so that a file left by a crash is no obstacle. `lock` is held by the supervisor, and
    holds its process id, or the word "stopping". `children.lock` is inherited by everything it starts: after a
    SIGKILL of the supervisor it is free only when the last of its children has ended. A successor waits for what
    is ending.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.mongodb = self.path / "mongodb"
        self.logs = self.path / "logs"
        self.env_file = self.path / LOCAL_ENV_FILE
        self._mongodb_port_file = self.path / "mongodb.port"

    def log(self, name: str) -> Path:
        """The log file of one child."""
        return self.logs / f"{name}.log"

    @property
    def mongodb_port(self) -> int | None:
        """The port that MongoDB had in this folder's last run; None before the first one."""
        try:
            word = self._mongodb_port_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None  # any other port will do
        return int(word) if word.isdecimal() and 1 <= int(word) <= 65535 else None

    def remember_mongodb_port(self, port: int) -> None:
        """Have the next run use this port again."""
        self._mongodb_port_file.write_text(f"{port}\n", encoding="ascii")

    @property
    def is_new(self) -> bool:
        """Whether there is no such folder yet."""
        try:
            return not self.path.exists()
        except OSError:
            return False  # the error is reported when it is claimed

    def require_space(self, least: int = 300 * 1024 * 1024) -> None:
        """Raise DataFolderUnusable when fewer than `least` bytes are free: MongoDB would end amid its work."""
        free = shutil.disk_usage(self.path).free
        if free < least:
            raise DataFolderUnusable(
                f"{self.path}: only {free // 1024**2} MB are free there, and MongoDB needs {least // 1024**2}: "
                "free some, or choose another folder with DATA=..."
            )

    @contextmanager
    def claimed(self, while_waiting: Callable[[], None], timeout: float = 60.0) -> Iterator["Claim"]:
        """Create the folder if need be and hold it.

        Raises DataFolderUnusable when another environment holds it, or when it cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            own = _open(self.path / "lock")
            inherited = _open(self.path / "children.lock")
        except OSError as error:
            raise DataFolderUnusable(
                f"{self.path} cannot be used ({error.strerror}): choose another folder with DATA=..."
            ) from None
        try:
            deadline = time.monotonic() + timeout
            self._wait_for_lock(own, while_waiting, deadline)
            _write(own, str(os.getpid()))
            self._wait_for_former_children(inherited, while_waiting, deadline)
            self._keep_one_former_log()
            yield Claim(own, inherited)
        finally:
            os.close(inherited)
            os.close(own)

    def _wait_for_lock(self, descriptor: int, while_waiting: Callable[[], None], deadline: float) -> None:
        while not _try_lock(descriptor):
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            if holder != _STOPPING or time.monotonic() > deadline:
                raise DataFolderUnusable(
                    f"{self.path} is in use by another local environment (process {holder or 'unknown'}): "
                    "stop that one, or start this one elsewhere: make run PORT=8123 DATA=../elsewhere"
                )
            while_waiting()
            time.sleep(_LOOK)

    def _wait_for_former_children(
        self, descriptor: int, while_waiting: Callable[[], None], deadline: float
    ) -> None:
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise DataFolderUnusable(
                    f"processes of a former run still use {self.path}: "
                    f"end them (fuser {self.path}/children.lock lists them)"
                )
            while_waiting()
            time.sleep(_LOOK)

    def _keep_one_former_log(self) -> None:
        for log in self.logs.glob("*.log"):
            log.replace(log.with_suffix(".log.1"))


def _open(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _write(descriptor: int, word: str) -> None:
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"{word}\n".encode(), 0)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
