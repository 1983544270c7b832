"""Fixtures of the tests of the local environment."""

from collections.abc import Iterator

import pytest

from ops.stand_ins.food_services import LocalFoodServices


@pytest.fixture(scope="session")
def food_services() -> Iterator[LocalFoodServices]:
    """The local food services, running on a free port."""
    with LocalFoodServices() as running:
        yield running
