"""What the processes that write to one log know in common: a few numbers in a file that all of them have mapped."""

import mmap
import os
import re
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic

from adapters.mongo.company import Company
from adapters.mongo.shared_files import HAS_LOCKS, lock_now, lock_soon, make_room, unlock, words_of

_FILES = ("turns", "users")
_FOLDER_NAME = re.compile("[0-9a-f]{32}")
_SIZE = mmap.PAGESIZE
_FOLLOWING, _SERVING, _SINCE, _HEAD, _HEAD_CHECK, _ARRIVALS, _COMPANY, _ENDED = range(8)
_OWNERS, _OWNERS_KNOWN = 64, 64  # a word with the ticket, and one with the number of its owner
_NOBODY = 0
_NANOSECONDS = 1e9
_OPEN_TRIES = 10


class TurnBoard:
    """The next ticket, the ticket whose turn it is, and the greatest position known to be majority-committed.

    Tickets are taken under a lock of the file system. All else is read and written without one, a whole number at a
    time. A process that stood still in between may then set the turn back: whoever has seen a later one puts it right.

    Each process holds a shared lock on a second file for as long as it lives. The first one to come wipes what others
    have left, since a backup may have been restored meanwhile, and the last one to go leaves nothing behind.
    """

    def __init__(self, folder: Path, seconds: float = 1.0) -> None:
        """Open the board in `folder`, which is made if need be; wait so long for others that are about to.

        Raises OSError when it cannot be had.
        """
        if not HAS_LOCKS:
            raise OSError("this platform has no locks on files")
        self._folder = folder
        self.process = os.getpid()
        self.number = _NOBODY
        """That of this process, which no other one on this board has had."""
        self._latest = 0
        for _ in range(_OPEN_TRIES):
            if self._open(seconds):
                return
        raise OSError(f"{folder} cannot be kept open")

    @property
    def is_alone(self) -> bool:
        """Whether no other process has come since this one did, and none was there."""
        return self._first and self._words[_ARRIVALS] == 1

    @property
    def is_there(self) -> bool:
        """Whether its files have not been removed since they were opened."""
        return os.fstat(self._turns).st_nlink > 0 and os.fstat(self._users).st_nlink > 0

    @property
    def following(self) -> int:
        """The ticket that is taken next."""
        return self._words[_FOLLOWING]

    @property
    def serving(self) -> int:
        """The ticket whose turn it is."""
        serving = self._words[_SERVING]
        if serving < self._latest:
            self._words[_SERVING] = serving = self._latest
        self._latest = serving
        return serving

    @property
    def since(self) -> float:
        """When that became so, by the system's monotonic clock, or when its owner came, if that was later."""
        return self._words[_SINCE] / _NANOSECONDS

    @property
    def head(self) -> int:
        """The greatest position known to be majority-committed; 0 when none is known."""
        head, check = self._words[_HEAD], self._words[_HEAD_CHECK]
        return head if check == ~head else 0

    @property
    def company(self) -> Company:
        """What whoever had the last turn has said."""
        return Company(self._words[_COMPANY], self._words[_ENDED] / _NANOSECONDS)

    @company.setter
    def company(self, company: Company) -> None:
        self._words[_COMPANY] = company.appends
        self._words[_ENDED] = int(company.since * _NANOSECONDS)

    def take_ticket(self) -> int | None:
        """The next ticket; None when somebody stands still with the lock."""
        if not lock_soon(self._turns):
            return None
        try:
            ticket = self.following
            if ticket == self.serving:
                self._words[_SINCE] = _now()
            row = _row(ticket)
            self._words[row + 1] = self.number
            self._words[row] = ticket
            self._words[_FOLLOWING] = ticket + 1
        finally:
            unlock(self._turns)
        return ticket

    def owner(self, ticket: int) -> int | None:
        """The number of the process that has a ticket; None when that is over, or when many came after it."""
        row = _row(ticket)
        number = self._words[row + 1]
        return number if self._words[row] == ticket and number != _NOBODY else None

    def advance(self, ticket: int, following: int) -> None:
        """If it is the turn of `ticket`, let it be that of `following`, or of the next that is not over."""
        if self.serving == ticket:
            self._words[_SINCE] = _now()  # first, or the next one would seem to have had the turn for long
            self._words[_SERVING] = self._latest = following
            while following < self.following and self._is_over(following):
                following += 1
                self._words[_SERVING] = self._latest = following

    def finish(self, ticket: int, following: int) -> None:
        """Whoever has `ticket` does not want its turn any more, whether or not it has come: `following` is next."""
        self.advance(ticket, following)
        row = _row(ticket)
        if self._words[row] == ticket:
            self._words[row + 1] = _NOBODY  # so that it is skipped, also when somebody sets the turn back
        self.advance(ticket, following)  # its turn may have come just before that

    def tell(self, head: int) -> None:
        """A position is known to be majority-committed."""
        if head > self.head:
            self._words[_HEAD] = head
            self._words[_HEAD_CHECK] = ~head

    def leave(self) -> None:
        """Remove the files, if this is the last process that uses them."""
        with suppress(OSError):
            if lock_now(self._users) and self.is_there:
                _remove(self._folder)

    def close(self) -> None:
        self._files.close()

    def _open(self, seconds: float) -> bool:
        """False if the last one of the others is just removing the files."""
        with ExitStack() as opened:
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                self._turns, self._users = (_open_file(self._folder / name, opened) for name in _FILES)
            except FileNotFoundError:
                return False
            make_room(self._turns, _SIZE)
            memory = opened.enter_context(mmap.mmap(self._turns, _SIZE))
            self._words = opened.enter_context(words_of(memory, _SIZE))
            self._first = lock_now(self._users)
            if self._first and self.is_there:
                for path in self._folder.iterdir():
                    if path.name not in _FILES:
                        path.unlink()
                memory[:] = bytes(_SIZE)
            if not (lock_soon(self._users, seconds, shared=True) and lock_soon(self._turns, seconds)):
                raise OSError(f"another process stands still while it uses {self._folder}")
            if not self.is_there:
                return False
            self.number = self._words[_ARRIVALS] + 1
            self._words[_ARRIVALS] = self.number
            # Whoever came first may have died before it wiped the board, and this costs a read.
            self._words[_HEAD_CHECK] = self._words[_HEAD] = 0
            unlock(self._turns)
            self._files = opened.pop_all()
            return True

    def _is_over(self, ticket: int) -> bool:
        row = _row(ticket)
        known = self._words[row]
        return known > ticket or (known == ticket and self._words[row + 1] == _NOBODY)


def remove_abandoned(parent: Path) -> None:
    """Remove the boards in a folder that nobody uses any more, such as those of processes that were killed."""
    for folder in parent.iterdir():
        if _FOLDER_NAME.fullmatch(folder.name):
            with suppress(OSError), ExitStack() as opened:
                users = os.open(folder / "users", os.O_RDWR | os.O_CLOEXEC)
                opened.callback(os.close, users)
                if lock_now(users) and os.fstat(users).st_nlink > 0:
                    _remove(folder)


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _open_file(path: Path, opened: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    opened.callback(os.close, descriptor)
    return descriptor


def _now() -> int:
    return int(monotonic() * _NANOSECONDS)


def _row(ticket: int) -> int:
    return _OWNERS + 2 * (ticket % _OWNERS_KNOWN)
