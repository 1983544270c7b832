"""How long the steps of one piece of work took."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Steps:
    """The duration of each step by its name, in milliseconds: also of the one that failed, and of none after it."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, int] = {}

    @contextmanager
    def take(self, name: str) -> Iterator[None]:
        started = perf_counter()
        try:
            yield
        finally:
            self.milliseconds[name] = round((perf_counter() - started) * 1000)
