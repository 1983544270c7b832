"""Child processes that cannot outlive the process that started them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_EXEC = Path(__file__).with_name("pdeathsig_exec.py")


def start_child(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, its output appended to `log`.

    The child gets no Ctrl-C of the terminal: its starter stops it, in order. It gets `death_signal` from
    the kernel should this process die first; the kernel counts the *thread* that called, so call from the main one.
    It inherits the file descriptors in `keep_open`. A command that cannot be run ends with status 1 and says so in
    `log`.
    """
    armed = [sys.executable, "-I", "-S", _EXEC, os.getpid(), int(death_signal), *command]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own commands
            [str(word) for word in armed],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            start_new_session=True,
            pass_fds=keep_open,
        )


def how_it_ended(code: int) -> str:
    """The exit code of a child, or the name of the signal that ended it."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def last_log_line(log: Path, limit: int = 300) -> str:
    """The last line that says something in a log, cut to `limit` characters."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 16_384))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "it left no log"
    spoken = [line.strip() for line in lines if line.strip()]
    return spoken[-1][:limit] if spoken else "it said nothing"
