"""What each process that takes turns has for the others in their common folder: a sheet for offers, and a bell."""

from contextlib import suppress
from pathlib import Path

from adapters.mongo.bells import Bell, BellOfAnother
from adapters.mongo.offer_sheet import OfferSheet

_MOST_KEPT_OPEN = 64


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

    def close(self) -> None:
        """Remove them."""
        self.sheet.remove()
        self.bell.remove()
        self.let_go()

    def let_go(self) -> None:
        """Close them and no more."""
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
            if len(self._open) >= _MOST_KEPT_OPEN:
                self.close()  # many of them will be gone
            with suppress(OSError):
                self._open[number] = Neighbour(self._folder, number)
        return self._open.get(number)

    def close(self) -> None:
        for neighbour in self._open.values():
            neighbour.close()
        self._open.clear()


def _sheet(folder: Path, number: int) -> Path:
    return folder / f"{number}.offer"


def _bell(folder: Path, number: int) -> Path:
    return folder / f"{number}.bell"
