"""What the processes that write to one log know in common: a few numbers in a file that all of them have mapped."""

import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import Struct
from time import sleep

try:
    import fcntl
except ImportError:  # a platform without such locks: nobody takes turns there
    fcntl = None  # type: ignore[assignment]

_FILES = ("turns", "users")
_SIZE = mmap.PAGESIZE
_NUMBERS = Struct("@q")
_FOLLOWING, _SERVING, _HEAD, _HEAD_CHECK, _ARRIVALS = (_NUMBERS.size * number for number in range(5))
_OPEN_TRIES = 10
_LOCK_TRIES = 100
_LOCK_PAUSE_SECONDS = 0.00002


class TurnBoard:
    """The next ticket, the ticket whose turn it is, and the greatest position known to be majority-committed.

    Tickets are taken under a lock of the file system. All else is read and written without one: what is overwritten
    then costs somebody a wait, and a position that is read half-written is told from a whole one.

    Each process holds a shared lock on a second file for as long as it lives. The first one to come wipes what others
    have left, since a backup may have been restored meanwhile, and the last one to go leaves nothing behind.
    """

    def __init__(self, folder: Path, wipe: Callable[[], None]) -> None:
        """Open the board in `folder`, which is made if need be; `wipe` removes all else from it.

        Raises OSError when it cannot be had.
        """
        if fcntl is None:
            raise OSError("this platform has no locks on files")
        self._folder = folder
        self._wipe = wipe
        self.process = os.getpid()
        self._file, self._users = self._files()
        self._board = mmap.mmap(self._file, _SIZE)
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._first = False
        else:
            self._first = True
            wipe()
            self._board[:] = bytes(_SIZE)
        if not (_lock_soon(self._users, fcntl.LOCK_SH) and _lock_soon(self._file, fcntl.LOCK_EX)):
            self.close()
            raise OSError(f"another process stands still while it uses {folder}")
        self._set(_ARRIVALS, self._get(_ARRIVALS) + 1)
        fcntl.flock(self._file, fcntl.LOCK_UN)

    @property
    def is_alone(self) -> bool:
        """Whether no other process has come since this one did, and none was there."""
        return self._first and self._get(_ARRIVALS) == 1

    @property
    def following(self) -> int:
        """The ticket that is taken next."""
        return self._get(_FOLLOWING)

    @property
    def serving(self) -> int:
        """The ticket whose turn it is."""
        return self._get(_SERVING)

    @property
    def head(self) -> int:
        """The greatest position known to be majority-committed; 0 when none is known."""
        head, check = self._get(_HEAD), self._get(_HEAD_CHECK)
        return head if check == ~head else 0

    def take_ticket(self) -> int | None:
        """The next ticket; None when somebody stands still with the lock."""
        if not _lock_soon(self._file, fcntl.LOCK_EX):
            return None
        try:
            ticket = self._get(_FOLLOWING)
            self._set(_FOLLOWING, ticket + 1)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        return ticket

    def advance(self, ticket: int, following: int) -> None:
        """If it is the turn of `ticket`, let it be that of `following`."""
        if self._get(_SERVING) == ticket:
            self._set(_SERVING, following)

    def tell(self, head: int) -> None:
        """A position is known to be majority-committed."""
        if head > self.head:
            self._set(_HEAD, head)
            self._set(_HEAD_CHECK, ~head)

    def close(self) -> None:
        """Leave; the last one removes the files."""
        with suppress(OSError):
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._wipe()
            for name in _FILES:
                (self._folder / name).unlink()
            self._folder.rmdir()
        self.let_go()

    def let_go(self) -> None:
        """Close the files and no more."""
        self._board.close()
        os.close(self._file)
        os.close(self._users)

    def _get(self, offset: int) -> int:
        number: int = _NUMBERS.unpack_from(self._board, offset)[0]
        return number

    def _set(self, offset: int, number: int) -> None:
        _NUMBERS.pack_into(self._board, offset, number)

    def _files(self) -> tuple[int, int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        for _ in range(_OPEN_TRIES):
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                turns, users = (os.open(self._folder / name, flags, 0o600) for name in _FILES)
            except FileNotFoundError:
                continue  # the last one of the others has removed the folder at this moment
            _make_room(turns)
            return turns, users
        raise OSError(f"{self._folder} cannot be kept open")


def _make_room(descriptor: int) -> None:
    """Without room for it, what is written to the map would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, _SIZE)
    else:
        os.ftruncate(descriptor, _SIZE)


def _lock_soon(descriptor: int, kind: int) -> bool:
    """Lock a file that nobody holds for more than some microseconds; False if somebody stands still with it."""
    for attempt in range(_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(0 if attempt < _LOCK_TRIES // 2 else _LOCK_PAUSE_SECONDS)
        else:
            return True
    return False
