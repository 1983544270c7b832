"""One replica set for all tests here, and the folders of their rounds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.replica_set import ReplicaSet


@pytest.fixture(scope="session")
def replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    """A healthy replica set of three; every test leaves it healthy."""
    with ReplicaSet(tmp_path_factory.mktemp("replica-set")) as running:
        yield running


@pytest.fixture
def round_folder(tmp_path: Path) -> Path:
    """Where the journals of a round go."""
    return tmp_path / "round"
