"""How one process wakes another that waits: by a named pipe.

A ring that gets lost costs a wait and nothing else: whoever waits looks from time to time.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from select import POLLIN, poll, select

_SELECTABLE = 1024
_MANY = 4096
_CLOSED = -1
_NOBODY_HEARS = {errno.ENXIO, errno.EPIPE, errno.ENOENT}


class Bell:
    """The bell of this process."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when there cannot be one."""
        self._path = path
        os.mkfifo(path, 0o600)
        try:
            self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            path.unlink()
            raise

    def wait(self, seconds: float) -> None:
        """Wait until it rings, unless it has since this was asked before; at most so long."""
        if self._rings(max(seconds, 0)):
            with suppress(BlockingIOError):  # another thread has heard it
                os.read(self._pipe, _MANY)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._pipe != _CLOSED:
            pipe, self._pipe = self._pipe, _CLOSED
            os.close(pipe)

    def _rings(self, seconds: float) -> bool:
        if self._pipe < _SELECTABLE:
            return bool(select((self._pipe,), (), (), seconds)[0])
        patient = poll()  # which knows no shorter time than a millisecond
        patient.register(self._pipe, POLLIN)
        return bool(patient.poll(seconds * 1000))


class BellOfAnother:
    """The bell of another process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pipe: int | None = None

    def ring(self) -> bool:
        """False when that process is dead, or has left."""
        try:
            if self._pipe is None:
                self._pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.write(self._pipe, b"!")
        except BlockingIOError:
            return True  # it is full of rings
        except OSError as error:
            return error.errno not in _NOBODY_HEARS
        return True

    def close(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
