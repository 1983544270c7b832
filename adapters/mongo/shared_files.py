"""Files that several processes have mapped: room in them, and locks that nobody waits for."""

import os
from mmap import mmap
from time import monotonic, sleep

try:
    import fcntl
except ImportError:  # a platform without such locks
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
_SPINS = 50
_PAUSE_SECONDS = 0.00002
_SOON_SECONDS = 0.005


def lock_now(descriptor: int, *, shared: bool = False) -> bool:
    """Lock a file, alone or with others that do so; False if somebody else has it, or the system refuses."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def lock_soon(descriptor: int, seconds: float = _SOON_SECONDS, *, shared: bool = False) -> bool:
    """Lock a file that nobody holds for more than some microseconds; False if somebody stands still with it."""
    for _ in range(_SPINS):
        if lock_now(descriptor, shared=shared):
            return True
        sleep(0)
    until = monotonic() + seconds
    while not lock_now(descriptor, shared=shared):
        if monotonic() > until:
            return False
        sleep(_PAUSE_SECONDS)
    return True


def unlock(descriptor: int) -> None:
    """Let others have the lock."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def make_room(descriptor: int, size: int) -> None:
    """Without room for it, what is written to the map would end the process.

    Raises OSError when there is none.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


def words_of(memory: mmap, size: int) -> memoryview:
    """The first bytes of a map as whole numbers of 64 bits, each of which is read and written in one step.

    `struct.pack_into` writes zeros first, which another process may read. To be released before the map is closed.
    """
    return memoryview(memory)[:size].cast("q")
