"""Being told to stop: by a signal, or through the process that started this one."""

import os
import signal
from pathlib import Path
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """This process has been asked to end."""


class StopSignals:
    """Notes the requests to stop. Ctrl-C after an earlier request means hurry.

    Nothing is interrupted: a waiting caller looks here from time to time, so that no child is started and forgotten.
    With `parent`, a SIGINT or SIGHUP that only the parent got counts too: `make` keeps it to itself and waits for its
    recipe.
    """

    def __init__(self, parent: int | None = None) -> None:
        self._signalled = False
        self._parent = parent
        self._parent_stops = False
        self.hurry = False
        self.number = signal.SIGTERM
        for number in _STOPPING:
            # nohup has SIGHUP ignored, and means it. A shell ignores SIGINT for a job behind &: we do not.
            if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN):
                signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        # Only SIGINT: a SIGTERM to the group comes twice, once more through `make`.
        self.hurry = self.hurry or (self._signalled and number == signal.SIGINT)
        self._signalled = True
        self.number = signal.Signals(number)

    def check(self) -> None:
        """Raise StopRequested if this process should end."""
        if self.requested:
            raise StopRequested

    @property
    def requested(self) -> bool:
        if not self._parent_stops and self._parent is not None and parent_stops(self._parent):
            self._parent_stops = True
        return self._signalled or self._parent_stops


def parent_stops(pid: int) -> bool:
    """Whether the parent, process `pid`, handles a SIGINT or SIGHUP: the kernel blocks a signal while it is handled.

    False if it is not the parent (any more), and where there is no /proc.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    blocked = next((line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:")), "0")
    handled = any(int(blocked, 16) >> (number - 1) & 1 for number in (signal.SIGINT, signal.SIGHUP))
    return handled and os.getppid() == pid
