"""The library's own cases for recorders, transcoders and factories, run against the MongoDB module."""

from collections.abc import Iterator
from typing import Any

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    ProcessRecorder,
    TrackingRecorder,
    Transcoder,
    Transcoding,
    UUIDAsHex,
)
from eventsourcing.tests import persistence as library
from eventsourcing.utils import Environment

from adapters.mongo.event_store import (
    MongoAggregateRecorder,
    MongoApplicationRecorder,
    MongoFactory,
    MongoProcessRecorder,
    MongoTrackingRecorder,
    MongoTranscoder,
)


class OnMongo:
    """Gives a case the environment of a database of its own, and closes the factory afterwards."""

    @pytest.fixture(autouse=True)
    def _environment(self, mongodb_url: str, mongodb_database: str) -> Iterator[None]:
        self.env = Environment(
            "Case",
            {
                "PERSISTENCE_MODULE": "adapters.mongo.event_store",
                "MONGODB_URL": mongodb_url,
                "MONGODB_DATABASE": mongodb_database,
            },
        )
        self.recorders = MongoFactory(self.env)
        yield
        self.recorders.close()


class TestAggregateRecorder(OnMongo, library.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.recorders.aggregate_recorder()


class TestApplicationRecorder(OnMongo, library.ApplicationRecorderTestCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self.recorders.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OnMongo, library.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return self.recorders.tracking_recorder()


class TestProcessRecorder(OnMongo, library.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.recorders.process_recorder()


class TestProcessRecorderAsApplicationRecorder(OnMongo, library.ApplicationRecorderTestCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self.recorders.process_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestProcessRecorderAsTrackingRecorder(OnMongo, library.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return self.recorders.process_recorder()


class TestNonInterleavingNotificationIDs(OnMongo, library.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self.recorders.application_recorder()


class SubclassedTrackingRecorder(MongoTrackingRecorder):
    pass


class TestInfrastructureFactory(OnMongo, library.InfrastructureFactoryTestCase[MongoFactory]):
    def expected_factory_class(self) -> type[MongoFactory]:
        return MongoFactory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return MongoAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return MongoApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return MongoTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return SubclassedTrackingRecorder

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return MongoProcessRecorder


def as_base(subclass: type, base: type, transcoding_name: str) -> Transcoding:
    """A transcoding of a subclass of a built-in type."""

    class AsBase(Transcoding):
        type = subclass
        name = transcoding_name

        def encode(self, obj: Any) -> Any:
            return base(obj)

        def decode(self, data: Any) -> Any:
            return subclass(data)

    return AsBase()


class TestTranscoder(library.TranscoderTestCase):
    def construct_transcoder(self) -> Transcoder:
        transcoder = MongoTranscoder()
        transcoder.register(UUIDAsHex())
        transcoder.register(library.CustomType1AsDict())
        transcoder.register(library.CustomType2AsDict())
        transcoder.register(as_base(library.Mydict, dict, "mydict"))
        transcoder.register(as_base(library.MyList, list, "mylist"))
        transcoder.register(as_base(library.MyStr, str, "mystr"))
        transcoder.register(as_base(library.MyInt, int, "myint"))
        return transcoder
