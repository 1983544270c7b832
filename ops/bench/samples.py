"""What is written and read: events of about a kilobyte, shaped like an analysed meal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Mapper, StoredEvent
from eventsourcing.utils import get_topic

STATES = 64
"""Different states that events take turns with."""

_FOODS = ("rice, white, cooked", "chicken breast, roasted", "broccoli, steamed", "olive oil", "egg, boiled")
_NUTRIENTS = ("calories", "protein", "carbs", "fat", "fiber", "sugar", "sodium")


class Eaten(Aggregate.Event):
    """The event of the benchmark; what it carries varies from sample to sample."""


TOPIC = get_topic(Eaten)


def domain_events(seed: int) -> list[Eaten]:
    """One event of each state. Instants are whole milliseconds, which every store returns as they were."""
    rng = Random(seed)  # noqa: S311 - samples, nothing secret
    return [_eaten(rng, number) for number in range(STATES)]


def _eaten(rng: Random, number: int) -> Eaten:
    event = object.__new__(Eaten)
    moment = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(milliseconds=rng.randrange(31_536_000_000))
    state: dict[str, Any] = {
        "timestamp": moment,
        "user_id": f"user-{rng.randrange(10_000)}",
        "local_date": moment.date().isoformat(),
        "meal_type": rng.choice(("BREAKFAST", "LUNCH", "DINNER", "SNACK")),
        "status": "ANALYZED",
        "eaten_at": moment - timedelta(hours=1),
        "entries": [_entry(rng, position) for position in range(3)],
        "totals": _nutrients(rng),
        "duration_ms": rng.randrange(10_000),
        "cost": None,
    }
    attributes = {"originator_id": _uuid(rng), "originator_version": number + 1, **state}
    object.__setattr__(event, "__dict__", attributes)
    return event


def _entry(rng: Random, position: int) -> dict[str, Any]:
    return {
        "id": f"entry-{position}",
        "name": rng.choice(_FOODS),
        "quantity_g": rng.randrange(500_000) / 1000,
        "nutrients": _nutrients(rng),
        "source": "USDA",
        "source_id": str(rng.randrange(1_000_000)),
    }


def _nutrients(rng: Random) -> dict[str, float | None]:
    return {name: rng.randrange(1_000_000) / 1000 for name in _NUTRIENTS}


def stored_states(mapper: Mapper[UUID], seed: int) -> list[bytes]:
    """The states as a store's own mapper writes them."""
    return [mapper.to_stored_event(event).state for event in domain_events(seed)]


def appends(states: Sequence[bytes], events: int, seed: int) -> Iterator[list[StoredEvent]]:
    """Appends without end: each begins a stream of its own and holds its first `events` events."""
    rng = Random(seed)  # noqa: S311 - stream ids, nothing secret
    number = 0
    while True:
        stream = _uuid(rng)
        yield [
            StoredEvent(stream, version, TOPIC, states[(number + version) % len(states)])
            for version in range(1, events + 1)
        ]
        number += 1


def _uuid(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)
