"""The library's own cases for applications, run against the MongoDB module."""

import pytest
from eventsourcing.tests import application as library


class OnMongo:
    """Points every application of a case at a database of its own."""

    @pytest.fixture(autouse=True)
    def _environment(self, mongodb_url: str, mongodb_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PERSISTENCE_MODULE", "adapters.mongo.event_store")
        monkeypatch.setenv("MONGODB_URL", mongodb_url)
        monkeypatch.setenv("MONGODB_DATABASE", mongodb_database)


class TestExampleApplication(OnMongo, library.ExampleApplicationTestCase):
    expected_factory_topic = "adapters.mongo.event_store:MongoFactory"


# The case asks for a deprecated attribute on purpose, and looks at the warning itself.
@pytest.mark.filterwarnings("default:'log' is deprecated:DeprecationWarning")
class TestApplication(OnMongo, library.ApplicationTestCase):
    pass
