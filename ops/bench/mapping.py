"""Domain events to stored events and back, beside the bare encoding of the same documents."""

from collections.abc import Callable
from time import perf_counter
from typing import Literal, TypeAlias
from uuid import UUID

import bson
from eventsourcing.persistence import Mapper

from adapters.mongo.connection.client import CODEC
from ops.bench.samples import STATES, TOPIC, Eaten, domain_events
from ops.bench.stores import StoreName, Stores

Document: TypeAlias = Literal["state", "event"]
"""The state alone, or all of a stored event: its stream, version and topic, too."""

_IN_PLACE = ("originator_id", "originator_version")


def map_to_stored(stores: Stores, name: StoreName, rounds: int) -> float:
    """Microseconds for an event to become a stored one, by a recorder's mapper."""
    events = domain_events(stores.addresses.seed)
    to_stored_event = _mapper(stores, name).to_stored_event
    return _timed(lambda: [to_stored_event(event) for event in events], rounds)


def map_to_domain(stores: Stores, name: StoreName, rounds: int) -> float:
    """The way back, in microseconds for an event."""
    mapper = _mapper(stores, name)
    stored = [mapper.to_stored_event(event) for event in domain_events(stores.addresses.seed)]
    return _timed(lambda: [mapper.to_domain_event(event) for event in stored], rounds)


def encode_bare(stores: Stores, document: Document, rounds: int) -> float:
    """Microseconds for `bson.encode` to encode the same."""
    documents = _documents(stores, document)
    return _timed(lambda: [bson.encode(each, codec_options=CODEC) for each in documents], rounds)


def decode_bare(stores: Stores, document: Document, rounds: int) -> float:
    """Microseconds for `bson.decode` to decode the same."""
    encoded = [bson.encode(each, codec_options=CODEC) for each in _documents(stores, document)]
    return _timed(lambda: [bson.decode(data, CODEC) for data in encoded], rounds)


def _documents(stores: Stores, document: Document) -> list[dict[str, object]]:
    events = domain_events(stores.addresses.seed)
    if document == "state":
        return [_state(event) for event in events]
    return [
        {
            "originator_id": event.originator_id,
            "originator_version": event.originator_version,
            "topic": TOPIC,
            "state": _state(event),
        }
        for event in events
    ]


def _mapper(stores: Stores, name: StoreName) -> Mapper[UUID]:
    return stores.recorder(name, "writes").mapper


def _state(event: Eaten) -> dict[str, object]:
    """What the store's mapper writes as the state."""
    return {key: value for key, value in vars(event).items() if key not in _IN_PLACE}


def _timed(once: Callable[[], object], rounds: int) -> float:
    once()
    began = perf_counter()
    for _ in range(rounds):
        once()
    return (perf_counter() - began) * 1e6 / (rounds * STATES)
