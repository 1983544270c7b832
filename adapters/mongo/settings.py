"""What the event store reads from the environment of an application."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment, strtobool

_T = TypeVar("_T")
# Well below what one command may carry, 100,000 documents and 48 MB: the driver would cut a greater batch in two.
_MOST_BATCH_EVENTS = 50_000
_MOST_BATCH_BYTES = 40_000_000
_MAX_PREFIX_BYTES = 120  # MongoDB allows 255 bytes for database, collection and index name together


@dataclass(frozen=True)
class StoreSettings:
    """The settings of one factory; times are in seconds, sizes in bytes. The table is in `event_store`."""

    url: str
    database: str
    application: str = ""
    create_collections: bool = True
    max_pool_size: int = 100
    min_pool_size: int = 0
    append_deadline: float = 30.0
    attempt_timeout: float = 3.0
    read_deadline: float = 30.0
    max_batch_events: int = 1000
    max_batch_bytes: int = 8 * 1024 * 1024
    max_queued_appends: int = 10_000
    poll_interval: float = 1.0
    codec: str = "no compressor, no cipher"
    """How states are stored, in words: each log has one codec."""

    @classmethod
    def from_environment(cls, env: Environment) -> Self:
        """Read the settings.

        Raises OSError, as the library's own modules do, with one line that names a missing or bad variable.
        """
        return cls(
            url=_required(env, "MONGODB_URL"),
            database=_required(env, "MONGODB_DATABASE"),
            application=env.name,
            create_collections=_parsed(env, "CREATE_TABLE", cls.create_collections, _flag),
            max_pool_size=_parsed(env, "MONGODB_MAX_POOL_SIZE", cls.max_pool_size, _count),
            min_pool_size=_parsed(env, "MONGODB_MIN_POOL_SIZE", cls.min_pool_size, _count_or_none),
            append_deadline=_parsed(env, "MONGODB_APPEND_DEADLINE", cls.append_deadline, _seconds),
            attempt_timeout=_parsed(env, "MONGODB_ATTEMPT_TIMEOUT", cls.attempt_timeout, _seconds),
            read_deadline=_parsed(env, "MONGODB_READ_DEADLINE", cls.read_deadline, _seconds),
            max_batch_events=_parsed(env, "MONGODB_BATCH_EVENTS", cls.max_batch_events, _batch_events),
            max_batch_bytes=_parsed(env, "MONGODB_BATCH_BYTES", cls.max_batch_bytes, _batch_bytes),
            max_queued_appends=_parsed(env, "MONGODB_QUEUED_APPENDS", cls.max_queued_appends, _count),
            poll_interval=_parsed(env, "MONGODB_POLL_INTERVAL", cls.poll_interval, _seconds),
            codec=_codec(env),
        )

    def collection_name(self, kind: str) -> str:
        """The collection of this application for `kind`, such as "events": `<application>_<kind>`.

        Characters that MongoDB refuses or that read badly in its shell become underscores.
        """
        prefix = re.sub(r"[^a-z0-9_]", "_", self.application.lower()) or "stored"
        if len(prefix) > _MAX_PREFIX_BYTES:
            raise OSError(f"the application name is longer than {_MAX_PREFIX_BYTES} characters, shorten it")
        return f"{prefix}_{kind}"


def _required(env: Environment, key: str) -> str:
    value = (env.get(key) or "").strip()
    if not value:
        raise OSError(f"{key} is not set: the MongoDB event store needs {' or '.join(env.create_keys(key))}")
    return value


def _codec(env: Environment) -> str:
    compressor = env.get(InfrastructureFactory.COMPRESSOR_TOPIC)
    cipher = env.get(InfrastructureFactory.CIPHER_TOPIC) or (env.get("CIPHER_KEY") and "the library's AES")
    return ", ".join(
        f"{kind} {topic}" if topic else f"no {kind}"
        for kind, topic in (("compressor", compressor), ("cipher", cipher))
    )


def _parsed(env: Environment, key: str, default: _T, parse: Callable[[str], _T]) -> _T:
    value = (env.get(key) or "").strip()
    if not value:
        return default
    try:
        return parse(value)
    except ValueError as error:
        raise OSError(f"{key} is {value!r}: {error}") from None


def _flag(value: str) -> bool:
    return strtobool(value)


def _count(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError("a whole number from 1 up is expected")
    return number


def _batch_events(value: str) -> int:
    return _count_up_to(_MOST_BATCH_EVENTS, value)


def _batch_bytes(value: str) -> int:
    return _count_up_to(_MOST_BATCH_BYTES, value)


def _count_up_to(most: int, value: str) -> int:
    number = _count(value)
    if number > most:
        raise ValueError(f"{most} is the most that is sure to go out in one command")
    return number


def _count_or_none(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("a whole number from 0 up is expected")
    return number


def _seconds(value: str) -> float:
    number = float(value)
    if not 0 < number < 86_400:
        raise ValueError("a number of seconds above 0 is expected")
    return number
