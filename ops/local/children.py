"""Child processes that cannot outlive the process that started them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with(parent: int, death_signal: signal.Signals) -> None:
    """Ask the kernel to send `death_signal` to this process when `parent` dies, however it dies.

    Raises ProcessLookupError if `parent` is gone already. Does nothing where there is no prctl (not Linux).
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(death_signal)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != parent:
        raise ProcessLookupError(f"the parent process {parent} has ended")


def start_child(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, its output appended to `log`.

    The child gets no Ctrl-C of the terminal: whoever starts it stops it, in order. It gets `death_signal` from
    the kernel should this process (more exactly: the thread that called) die first.
    """
    parent = os.getpid()
    arm: Callable[[], None] = lambda: die_with(parent, death_signal)  # noqa: E731
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own commands
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            start_new_session=True,
            preexec_fn=arm,  # noqa: PLW1509 - started before any thread that holds a lock
        )
