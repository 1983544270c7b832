"""A connection made while a member was neither primary nor secondary must not shut the store out for ever.

PyMongo decides by the hello of a connection's handshake whether the server has sessions, and keeps the connection.
"""

from contextlib import suppress
from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent
from pymongo.errors import OperationFailure

from tests.faults.replica_set import ReplicaSet
from tests.faults.store import OUR_STORE, Store


def event() -> list[StoredEvent]:
    return [StoredEvent(uuid4(), 1, "topic", b"state")]


def test_a_recovered_member_serves_its_earlier_clients(
    replica_set: ReplicaSet,
) -> None:
    """After its recovery it has become the primary."""
    database = f"faults_{uuid4().hex}"
    with Store(OUR_STORE, replica_set.url, database).recorder() as recorder:
        recorder.insert_events(event())
    member = replica_set.others(replica_set.primary())[0]
    settings = {"CREATE_TABLE": "no", "MONGODB_READ_DEADLINE": "2", "MONGODB_APPEND_DEADLINE": "5"}
    direct = Store(OUR_STORE, f"mongodb://{member.address}/?directConnection=true", database, settings)
    member.command({"replSetMaintenance": True})
    try:
        with direct.recorder() as recorder:
            with pytest.raises(OperationalError):  # not InterfaceError: it is no fault of the configuration
                recorder.max_notification_id()
            member.command({"replSetMaintenance": False})
            replica_set.heal()
            while replica_set.primary() is not member:
                replica_set.step_down()
                replica_set.heal()
            assert recorder.max_notification_id() == 1
            assert recorder.insert_events(event()) == [2]
    finally:
        with suppress(OperationFailure):  # it is not in maintenance any more
            member.command({"replSetMaintenance": False})
