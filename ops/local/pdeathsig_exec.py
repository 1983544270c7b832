"""Become another program that the kernel ends when its parent dies.

A script of its own, run before the program: the steps between fork and exec are then taken by a fresh,
single-threaded process, and the parent may have threads. It imports the standard library only.

    python pdeathsig_exec.py PARENT_PID SIGNAL COMMAND [ARGUMENT ...]
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with(parent: int, death_signal: signal.Signals) -> None:
    """Ask the kernel to send `death_signal` to this process when `parent` dies, however it dies.

    More exactly: when the thread of `parent` that started this process ends. Raises ProcessLookupError if `parent`
    is gone already. Does nothing where there is no prctl (not Linux).
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(death_signal)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != parent:
        raise ProcessLookupError(f"the parent process {parent} has ended")


def main(arguments: list[str]) -> None:
    """Replace this process by the command, armed. Exits with 1 and a line on stderr if it cannot be run."""
    parent, death_signal, *command = arguments
    die_with(int(parent), signal.Signals(int(death_signal)))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and a program inherits that
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
