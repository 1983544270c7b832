"""Ids of appends are random and unique."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122

from adapters.mongo.append.append_ids import new_append_id

_FORKING = """
import os
from adapters.mongo.append.append_ids import new_append_id

new_append_id()  # there are more in store now
if child := os.fork():
    os.waitpid(child, 0)  # so that each has a line of its own
print(*(new_append_id().hex for _ in range(500)), flush=True)
"""


def test_ids_of_many_threads_are_different_random_uuids() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = [
            made
            for many in pool.map(lambda _: [new_append_id() for _ in range(2000)], range(8))
            for made in many
        ]
    assert len(set(ids)) == 16_000
    assert {(made.version, made.variant) for made in ids} == {(4, RFC_4122)}


def test_a_forked_process_makes_others() -> None:
    both = subprocess.run(
        [sys.executable, "-c", _FORKING], capture_output=True, text=True, check=True, timeout=60
    )
    parents, childs = (set(line.split()) for line in both.stdout.splitlines())
    assert len(parents) == len(childs) == 500
    assert parents.isdisjoint(childs)
