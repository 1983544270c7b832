"""All writers of a log store states by one compressor and one cipher."""

from collections.abc import Callable

import pytest
from eventsourcing.cipher import AESCipher
from eventsourcing.persistence import ProgrammingError, StoredEvent

from adapters.mongo.event_store import MongoFactory

PLAIN: dict[str, str] = {}
COMPRESSED = {"COMPRESSOR_TOPIC": "zlib"}
ENCRYPTED = {"CIPHER_KEY": AESCipher.create_key(16)}


@pytest.mark.parametrize("create", ["yes", "no"])
@pytest.mark.parametrize(
    ("first", "second"),
    [(PLAIN, COMPRESSED), (COMPRESSED, PLAIN), (PLAIN, ENCRYPTED), (ENCRYPTED, COMPRESSED)],
)
def test_a_writer_of_another_codec_is_refused(
    make_factory: Callable[..., MongoFactory],
    new_stream: Callable[..., list[StoredEvent]],
    first: dict[str, str],
    second: dict[str, str],
    create: str,
) -> None:
    log = make_factory(**first).application_recorder()
    assert log.insert_events(new_stream()) == [1]
    with pytest.raises(
        ProgrammingError, match=r"begun with another compressor or cipher than .*COMPRESSOR_TOPIC"
    ):
        make_factory(CREATE_TABLE=create, **second).application_recorder().insert_events(new_stream())
    assert make_factory(CREATE_TABLE=create, **first).application_recorder().insert_events(new_stream()) == [
        2
    ]
    assert log.max_notification_id() == 2


def test_a_reader_of_another_codec_may_look(
    make_factory: Callable[..., MongoFactory], new_stream: Callable[..., list[StoredEvent]]
) -> None:
    make_factory(**COMPRESSED).application_recorder().insert_events(new_stream())
    assert make_factory(CREATE_TABLE="no").application_recorder().max_notification_id() == 1
