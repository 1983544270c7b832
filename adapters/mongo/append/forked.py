"""What has to begin anew in a forked process: locks and waiting lines of threads that do not go on there."""

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    def after_fork(self) -> None:
        """This is another process now, in which no other thread goes on."""


_all: WeakSet[Forked] = WeakSet()


def call_after_fork(forked: Forked) -> None:
    """Call its `after_fork` in each process that is forked from this one, as long as it is in use."""
    _all.add(forked)


def _after_fork() -> None:
    for forked in list(_all):
        forked.after_fork()


os.register_at_fork(after_in_child=_after_fork)
