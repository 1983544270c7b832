"""What every test may ask for: a real MongoDB, with databases of random names that are dropped afterwards."""

import os
import secrets
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from pymongo import MongoClient

from ops.local.mongod import LocalMongod

# A shell that runs the tests in the background makes them ignore these, and the processes under test would inherit it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's affair, not the code's.
settings.register_profile("meal-ledger", deadline=None)
settings.load_profile("meal-ledger")


@pytest.fixture(scope="session")
def mongodb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server of TEST_MONGODB_URL, else one started here. Never MONGODB_URL."""
    given = os.environ.get("TEST_MONGODB_URL")
    if given:
        yield given
        return
    with LocalMongod(tmp_path_factory.mktemp("mongod") / "db") as server:
        yield server.url


@pytest.fixture
def mongodb_database(mongodb_url: str) -> Iterator[str]:
    """The name of a database of this test's own."""
    name = f"test_{secrets.token_hex(8)}"
    yield name
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        client.drop_database(name)
