"""Files that several processes have mapped: room in them, and locks that nobody waits for."""

import os
from time import sleep

try:
    import fcntl
except ImportError:  # a platform without such locks
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
_TRIES = 100
_PAUSE_SECONDS = 0.00002


def lock_now(descriptor: int, *, shared: bool = False) -> bool:
    """Lock a file, alone or with others that do so; False if somebody else has it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_soon(descriptor: int, *, shared: bool = False) -> bool:
    """Lock a file that nobody holds for more than some microseconds; False if somebody stands still with it."""
    for attempt in range(_TRIES):
        if lock_now(descriptor, shared=shared):
            return True
        sleep(0 if attempt < _TRIES // 2 else _PAUSE_SECONDS)
    return False


def unlock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def make_room(descriptor: int, size: int) -> None:
    """Without room for it, what is written to the map would end the process.

    Raises OSError when there is none.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)
