"""What the processes that write to one log know in common: a few numbers in a file that all of them have mapped."""

import mmap
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from struct import Struct

from adapters.mongo.company import Company
from adapters.mongo.shared_files import HAS_LOCKS, lock_now, lock_soon, make_room, unlock

_FILES = ("turns", "users")
_SIZE = mmap.PAGESIZE
_NUMBERS = Struct("@q")
_FOLLOWING, _SERVING, _HEAD, _HEAD_CHECK, _ARRIVALS, _COMPANY, _ENDED = (
    _NUMBERS.size * number for number in range(7)
)
_OWNERS = 1024
_OWNER = Struct("@qq")
_OWNERS_KNOWN = 64
_NANOSECONDS = 1e9
_OPEN_TRIES = 10


class TurnBoard:
    """The next ticket, the ticket whose turn it is, and the greatest position known to be majority-committed.

    Tickets are taken under a lock of the file system. All else is read and written without one: what is overwritten
    then costs somebody a wait, and a position that is read half-written is told from a whole one.

    Each process holds a shared lock on a second file for as long as it lives. The first one to come wipes what others
    have left, since a backup may have been restored meanwhile, and the last one to go leaves nothing behind.
    """

    def __init__(self, folder: Path) -> None:
        """Open the board in `folder`, which is made if need be.

        Raises OSError when it cannot be had.
        """
        if not HAS_LOCKS:
            raise OSError("this platform has no locks on files")
        self._folder = folder
        self.process = os.getpid()
        self.number = 0
        """That of this process, which no other one on this board has had."""
        for _ in range(_OPEN_TRIES):
            if self._open():
                return
        raise OSError(f"{folder} cannot be kept open")

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

    @property
    def company(self) -> Company:
        """What whoever had the last turn has said."""
        return Company(self._get(_COMPANY), self._get(_ENDED) / _NANOSECONDS)

    @company.setter
    def company(self, company: Company) -> None:
        self._set(_COMPANY, company.appends)
        self._set(_ENDED, int(company.since * _NANOSECONDS))

    def take_ticket(self) -> int | None:
        """The next ticket; None when somebody stands still with the lock."""
        if not lock_soon(self._turns):
            return None
        try:
            ticket = self._get(_FOLLOWING)
            _OWNER.pack_into(self._board, _owner_at(ticket), ticket, self.number)
            self._set(_FOLLOWING, ticket + 1)
        finally:
            unlock(self._turns)
        return ticket

    def owner(self, ticket: int) -> int | None:
        """The number of the process that has a ticket; None when so many came after it that it is forgotten."""
        known, number = _OWNER.unpack_from(self._board, _owner_at(ticket))
        return number if known == ticket else None

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
            if lock_now(self._users):
                self._wipe()
                for name in _FILES:
                    (self._folder / name).unlink()
                self._folder.rmdir()
        self.let_go()

    def let_go(self) -> None:
        """Close the files and no more."""
        self._files.close()

    def _open(self) -> bool:
        """False if the last one of the others is just removing the files."""
        with ExitStack() as opened:
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                self._turns, self._users = (self._open_file(name, opened) for name in _FILES)
            except FileNotFoundError:
                return False
            make_room(self._turns, _SIZE)
            self._board = opened.enter_context(mmap.mmap(self._turns, _SIZE))
            self._first = lock_now(self._users)
            if self._first and self._is_there():
                self._wipe()
                self._board[:] = bytes(_SIZE)
            if not (lock_soon(self._users, shared=True) and lock_soon(self._turns)):
                raise OSError(f"another process stands still while it uses {self._folder}")
            if not self._is_there():
                return False
            self.number = self._get(_ARRIVALS) + 1
            self._set(_ARRIVALS, self.number)
            unlock(self._turns)
            self._files = opened.pop_all()
            return True

    def _open_file(self, name: str, opened: ExitStack) -> int:
        descriptor = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        opened.callback(os.close, descriptor)
        return descriptor

    def _is_there(self) -> bool:
        """Whether the files have not been removed since they were opened."""
        return os.fstat(self._turns).st_nlink > 0 and os.fstat(self._users).st_nlink > 0

    def _get(self, offset: int) -> int:
        number: int = _NUMBERS.unpack_from(self._board, offset)[0]
        return number

    def _set(self, offset: int, number: int) -> None:
        _NUMBERS.pack_into(self._board, offset, number)

    def _wipe(self) -> None:
        """Remove what processes have left that are gone."""
        for path in self._folder.iterdir():
            if path.name not in _FILES:
                path.unlink()


def _owner_at(ticket: int) -> int:
    return _OWNERS + ticket % _OWNERS_KNOWN * _OWNER.size
