"""A PostgreSQL of our own for as long as the benchmark runs, where this machine has one."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.errors import OperatorError
from ops.local.children import last_log_line, start_child
from ops.local.ports import LOOPBACK, free_port

_DEBIAN = Path("/usr/lib/postgresql")
_PROGRAMS = ("postgres", "initdb")
_UNPRIVILEGED = ("postgres", "nobody")


class PostgresMissing(OperatorError):
    """There is no PostgreSQL to measure; the message says what is missing."""


class LocalPostgres:
    """A cluster in a new folder, on loopback, with its own defaults: it syncs every commit."""

    def __init__(self, folder: Path) -> None:
        """Raises PostgresMissing."""
        if importlib.util.find_spec("psycopg") is None or importlib.util.find_spec("psycopg_pool") is None:
            raise PostgresMissing("psycopg is not installed (the extra `bench`)")
        self._programs = _programs()
        self._as_user = _as_unprivileged_user()
        self._folder = folder / "postgres"
        self._log = folder / "postgres.log"
        self._password = secrets.token_hex(16)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the library's recorder."""
        return {
            "POSTGRES_DBNAME": "postgres",
            "POSTGRES_HOST": LOOPBACK,
            "POSTGRES_PORT": str(self._port),
            "POSTGRES_USER": "bench",
            "POSTGRES_PASSWORD": self._password,
        }

    def start(self, timeout: float = 60.0) -> Self:
        """Make the cluster and wait until it answers. Raises PostgresMissing with the server's own words."""
        deadline = time.monotonic() + timeout
        try:
            self._make_cluster(timeout)
            self._process = start_child(
                [
                    *self._as_user, self._programs["postgres"],
                    "-D", self._folder / "data",
                    "-c", f"listen_addresses={LOOPBACK}",
                    "-c", f"port={self._port}",
                    "-c", "unix_socket_directories=",
                ],
                log=self._log,
            )  # fmt: skip
            self._wait_until_it_answers(self._process, deadline)
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise PostgresMissing(
                    f"PostgreSQL does not start: {self._nameless(last_log_line(self._log))}"
                )
            time.sleep(0.05)  # a look at another process from time to time, bounded by the deadline

    def stop(self, timeout: float = 20.0) -> None:
        """End it at once and cleanly; kill it after `timeout` seconds."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)  # ends connections, too; SIGTERM would wait for them
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _make_cluster(self, timeout: float) -> None:
        self._folder.mkdir(mode=0o700)
        password_file = self._folder / "password"
        password_file.write_text(self._password)
        if self._as_user:
            if any(not parent.stat().st_mode & stat.S_IXOTH for parent in self._folder.parents):
                raise PostgresMissing(
                    "the folder for temporary files is closed to the user that PostgreSQL runs as: set TMPDIR"
                )
            owner = _unprivileged_user()
            for path in (self._folder, password_file):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        command: list[str | Path] = [
            *self._as_user, self._programs["initdb"],
            "-D", self._folder / "data", "-U", "bench", "--auth=scram-sha-256", f"--pwfile={password_file}",
            "--no-sync", "--no-locale", "--encoding=UTF8",
        ]  # fmt: skip
        made = subprocess.run(  # noqa: S603 - our own command
            command, cwd="/", capture_output=True, text=True, timeout=timeout, check=False
        )
        if made.returncode != 0:
            said = (made.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise PostgresMissing(f"PostgreSQL's initdb fails: {self._nameless(said)}")

    def _nameless(self, words: str) -> str:
        """A server's words without the name of the folder."""
        return words.replace(str(self._folder), "the folder")

    def version(self) -> str:
        """As the program names it."""
        said = subprocess.run(  # noqa: S603 - our own command
            [self._programs["postgres"], "--version"], capture_output=True, text=True, timeout=10, check=True
        )
        return said.stdout.split()[2]

    def _answers(self) -> bool:
        import psycopg  # noqa: PLC0415 - only where it is installed

        settings = self.environment
        try:
            psycopg.connect(
                dbname=settings["POSTGRES_DBNAME"],
                host=settings["POSTGRES_HOST"],
                port=settings["POSTGRES_PORT"],
                user=settings["POSTGRES_USER"],
                password=settings["POSTGRES_PASSWORD"],
                connect_timeout=2,
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _programs() -> dict[str, Path]:
    folders = [Path(found).parent for name in _PROGRAMS if (found := shutil.which(name))]
    folders += sorted(_DEBIAN.glob("*/bin"), reverse=True)
    for folder in folders:
        programs = {name: folder / name for name in _PROGRAMS}
        if all(os.access(program, os.X_OK) for program in programs.values()):
            return programs
    raise PostgresMissing("no `postgres` and `initdb` on the PATH or in Debian's place for them")


def _unprivileged_user() -> pwd.struct_passwd:
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresMissing("PostgreSQL does not run as root, and there is no other user for it")


def _as_unprivileged_user() -> list[str]:
    """What to put before a command so that it does not run as root, and ends with this process."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresMissing("PostgreSQL does not run as root, and there is no `setpriv` to change the user")
    user = _unprivileged_user()
    return [
        setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=INT", "--",
    ]  # fmt: skip
