"""What each process that takes turns has for the others in their common folder: a sheet for offers, and a bell."""

from contextlib import suppress
from pathlib import Path
from time import time

from adapters.mongo.bells import Bell, BellOfAnother
from adapters.mongo.offer_sheet import OfferSheet

_MOST_KEPT_OPEN = 64
_SETTLED_SECONDS = 60.0


class Desk:
    """The sheet and the bell of this process."""

    def __init__(self, folder: Path, number: int) -> None:
        """Raises OSError when there cannot be such files."""
        self.sheet = OfferSheet(_sheet(folder, number), create=True)
        try:
            self.bell = Bell(_bell(folder, number))
        except OSError:
            self.sheet.remove()
            self.sheet.close()
            raise

    def remove(self) -> None:
        """Nobody shall find them any more."""
        self.sheet.remove()
        self.bell.remove()

    def close(self) -> None:
        """Close them."""
        self.sheet.close()
        self.bell.close()


class Neighbour:
    """The sheet and the bell of another process."""

    def __init__(self, folder: Path, number: int) -> None:
        """Raises OSError when that process is gone."""
        self.sheet = OfferSheet(_sheet(folder, number))
        self.bell = BellOfAnother(_bell(folder, number))

    def close(self) -> None:
        self.sheet.close()
        self.bell.close()


class Neighbours:
    """The other processes, each by its number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[int, Neighbour] = {}

    def get(self, number: int | None) -> Neighbour | None:
        """The process with that number; None when it is gone, or when no number is known."""
        if number is None:
            return None
        if number not in self._open:
            with suppress(OSError):
                self._open[number] = Neighbour(self._folder, number)
        return self._open.get(number)

    def trim(self) -> None:
        """Close them if they are many: most of those will be gone. Nobody may be using one."""
        if len(self._open) > _MOST_KEPT_OPEN:
            self.close()

    def is_gone(self, number: int) -> bool:
        """Whether that process is known to be dead, or to have left. If not, it has been woken."""
        neighbour = self._open.get(number)
        bell = neighbour.bell if neighbour else BellOfAnother(_bell(self._folder, number))
        try:
            return not bell.ring()
        finally:
            if neighbour is None:
                bell.close()

    def close(self) -> None:
        opened, self._open = self._open, {}
        for neighbour in opened.values():
            neighbour.close()


def remove_gone(folder: Path) -> None:
    """Remove what processes have left that were killed."""
    neighbours = Neighbours(folder)
    for path in folder.glob("*.offer"):
        with suppress(OSError, ValueError):
            number = int(path.stem)
            # Of one that is new the bell may be about to come.
            if time() - path.stat().st_mtime > _SETTLED_SECONDS and neighbours.is_gone(number):
                path.unlink()
                _bell(folder, number).unlink()


def _sheet(folder: Path, number: int) -> Path:
    return folder / f"{number}.offer"


def _bell(folder: Path, number: int) -> Path:
    return folder / f"{number}.bell"
