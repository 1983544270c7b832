"""The event-sourced application: typed events over the store that its environment names."""

import dataclasses
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from eventsourcing.utils import Environment, EnvType

from ledger.events import TOPICS, MealEvent
from ledger.meal import Meal

_T = TypeVar("_T")
_NATIVE = (datetime, UUID)


class MealLedger(Application[UUID]):
    """The streams of all meals. Collections and tables of the store carry its name.

    Its settings are those of `env`, and never those of the process: a `COMPRESSOR_TOPIC` or `MEAL_LEDGER_…` in the
    environment of one process would make it write events that no other process can read.
    """

    name = "meal_ledger"

    def __init__(self, env: EnvType) -> None:
        super().__init__(env)

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """`env` alone; the library would fill in from `os.environ`."""
        return Environment(name, env)

    def construct_mapper(self) -> Mapper[UUID]:
        """The store's own mapper with the events' types over it."""
        return TypedEventMapper(super().construct_mapper())


class TypedEventMapper(Mapper[UUID]):
    """Adds the events' own types to a store's mapper, which sees plain values only.

    Instants are passed unchanged and structs become plain documents, so that a stored state can be queried natively.
    Only topics of the closed registry are resolved: a stored topic never makes the process import a module.
    """

    def __init__(self, inner: Mapper[UUID]) -> None:
        super().__init__(inner.transcoder, inner.compressor, inner.cipher)
        self._inner = inner

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """The event's plain values, as the store's mapper encodes them."""
        plain = _plain(msgspec.to_builtins(vars(domain_event), builtin_types=_NATIVE))
        return self._inner.to_stored_event(_with_attributes(type(domain_event), plain))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """The event with its own types, upcast to the present version of its class.

        Raises MapperDeserialisationError, naming stream and version, for a topic outside the registry and for a state
        that does not match the event's types.
        """
        event_class = TOPICS.get(stored_event.topic)
        if event_class is None:
            raise _unreadable(stored_event, "no event of the ledger has that topic")
        plain = vars(self._inner.to_domain_event(stored_event))
        if plain.get("originator_topic", Meal.TOPIC) != Meal.TOPIC:
            raise _unreadable(stored_event, f"its originator_topic is not {Meal.TOPIC!r}")
        try:
            typed = plain | {
                name: msgspec.convert(plain[name], hint, builtin_types=_NATIVE)
                for name, hint in _field_types(event_class).items()
            }
        except KeyError as error:
            raise _unreadable(stored_event, f"it has no {error}") from error
        except msgspec.ValidationError as error:
            raise _unreadable(stored_event, str(error)) from error
        return cast("DomainEventProtocol[UUID]", _with_attributes(event_class, typed))


def _unreadable(stored: StoredEvent, why: str) -> MapperDeserialisationError:
    return MapperDeserialisationError(
        f"cannot read version {stored.originator_version} of stream {stored.originator_id}, "
        f"topic {stored.topic!r}: {why}"
    )


def _plain(value: Any) -> Any:
    """`value` with lists for tuples, which stores write natively."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _with_attributes(event_class: type[_T], attributes: dict[str, Any]) -> _T:
    """An event of that class, made without its constructor, as by the library's mapper."""
    event = object.__new__(event_class)
    object.__setattr__(event, "__dict__", attributes)
    return event


@cache
def _field_types(event_class: type[MealEvent]) -> dict[str, Any]:
    """The types of an event's fields, without its stream id and version, which the store's mapper sets."""
    hints = get_type_hints(event_class)
    fields = {field.name: hints[field.name] for field in dataclasses.fields(event_class)}
    del fields["originator_id"], fields["originator_version"]
    return fields
