"""Ids of appends: random UUIDs, made mostly without letting another thread run.

`uuid.uuid4` asks the system each time, and Python lets other threads run meanwhile. Among many writers one of them then
takes a turn that is long beside what is left to do here. This asks once for many ids.
"""

import os
from uuid import UUID

_BYTES = 16
_AT_ONCE = 256

_random: list[bytes] = []
os.register_at_fork(after_in_child=_random.clear)  # or parent and child would make the same ids


def new_append_id() -> UUID:
    """A random UUID (version 4) that no other append has."""
    while True:
        try:
            return UUID(bytes=_random.pop(), version=4)
        except IndexError:
            drawn = os.urandom(_BYTES * _AT_ONCE)
            _random.extend(drawn[start : start + _BYTES] for start in range(0, len(drawn), _BYTES))
