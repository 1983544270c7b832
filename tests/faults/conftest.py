"""One replica set for all tests here, and the folders of their rounds."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.replica_set import ReplicaSet


@pytest.fixture(scope="session")
def running_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """A replica set of three, the same for all tests of this process."""
    with ReplicaSet(tmp_path_factory.mktemp("replica-set")) as running:
        yield running
    for node in running.nodes:
        shutil.rmtree(node.folder)  # a gigabyte; the logs beside them stay


@pytest.fixture
def replica_set(running_set: ReplicaSet) -> Iterator[ReplicaSet]:
    """It is healthy, and so it will be for the next test, whatever becomes of this one."""
    yield running_set
    running_set.heal()


@pytest.fixture
def round_folder(tmp_path: Path) -> Path:
    """Where the journals of a round go."""
    return tmp_path / "round"
