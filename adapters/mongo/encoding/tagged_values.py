"""Values as a storage format holds them, with tagged dictionaries for the types that it lacks."""

from collections.abc import Callable, Mapping
from typing import Any

from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Transcoding,
    TranscodingNotRegisteredError,
    UUIDAsHex,
)

_CONTAINERS = frozenset({dict, list})


class TupleAsList(Transcoding):
    """A tuple, told apart from a list."""

    type = tuple
    name = "tuple_as_list"

    def encode(self, obj: tuple[Any, ...]) -> list[Any]:
        return list(obj)

    def decode(self, data: list[Any]) -> tuple[Any, ...]:
        return tuple(data)


class DictAsPairs(Transcoding):
    """A dictionary whose names the format refuses, or that would read as a tag."""

    type = dict
    name = "dict_as_pairs"

    def encode(self, obj: dict[Any, Any]) -> list[list[Any]]:
        return [[key, value] for key, value in obj.items()]

    def decode(self, data: list[list[Any]]) -> dict[Any, Any]:
        return {key: value for key, value in data}  # noqa: C416 - dict() would hide a pair that is none


class IntAsStr(Transcoding):
    """A whole number of more than 64 bits."""

    type = int
    name = "int_as_str"

    def encode(self, obj: int) -> str:
        return str(obj)

    def decode(self, data: str) -> int:
        return int(data)


_BUILT_IN = (TupleAsList(), DictAsPairs(), IntAsStr(), UUIDAsHex(), DecimalAsStr(), DatetimeAsISO())
_BUILT_IN_NAMES: dict[str, Transcoding] = {transcoding.name: transcoding for transcoding in _BUILT_IN}
_TUPLE_AS_LIST, _DICT_AS_PAIRS = _BUILT_IN[:2]


class NestedTooDeeplyError(ValueError):
    """A value has more levels than `TaggedValues` was asked to allow."""


class TaggedValues:
    """Encodes values by those that a format can hold, and decodes them.

    `scalars` are the types, besides dict and list, that the format holds as they are; `special` says what becomes
    of values of further types that it holds in part. Types are matched exactly: a tuple is no list, and
    a subclass of a scalar is no scalar. Everything else goes through the transcodings registered with
    `transcoder`, as `{"_type_": name, "_data_": encoded}`, or raises TranscodingNotRegisteredError.
    A dictionary is kept when `names_fit` says that the format can hold its names.
    """

    def __init__(
        self,
        transcoder: JSONTranscoder,
        scalars: frozenset[type],
        special: Mapping[type, Callable[[Any], Any]],
        names_fit: Callable[[dict[Any, Any]], bool] | None = None,
        max_depth: int | None = None,
    ) -> None:
        self._transcoder = transcoder
        self._scalars = scalars
        self._special = special
        self._names_fit = names_fit
        self._max_depth = max_depth or 1_000_000

    def encode(self, value: Any, depth: int = 1) -> Any:
        """The value as the format holds it; a value that needs no change is returned as the same object.

        Raises TranscodingNotRegisteredError, and NestedTooDeeplyError beyond the greatest depth.
        """
        kind = type(value)
        if kind is dict:
            return self.encode_dict(value, depth)
        if kind is list:
            return self._encode_list(value, depth)
        if kind in self._scalars:
            return value
        special = self._special.get(kind)
        if special is not None:
            return special(value)
        transcoding = self._transcoder.types.get(kind)
        if transcoding is None:
            if kind is not tuple:
                raise TranscodingNotRegisteredError(
                    f"Object of type {kind} is not serializable. Please define "
                    "and register a custom transcoding for this type."
                )
            transcoding = _TUPLE_AS_LIST
        return self.tagged(transcoding, value, depth)

    def tagged(self, transcoding: Transcoding, value: Any, depth: int = 1) -> dict[str, Any]:
        """`value` as a dictionary that names the transcoding that restores it."""
        return {"_type_": transcoding.name, "_data_": self.encode(transcoding.encode(value), depth + 1)}

    def encode_dict(self, value: dict[Any, Any], depth: int = 1) -> dict[str, Any]:
        """The same for a dictionary; see `encode`."""
        if depth > self._max_depth:
            raise NestedTooDeeplyError
        if len(value) == 2 and "_type_" in value and "_data_" in value:
            return self.tagged(_DICT_AS_PAIRS, value, depth)
        if self._names_fit is not None and not self._names_fit(value):
            return self.tagged(_DICT_AS_PAIRS, value, depth)
        # The two loops below are most of what it costs to write an event: no call for a scalar.
        scalars, changed = self._scalars, None
        for name, item in value.items():
            kind = type(item)
            if kind not in scalars:
                plain = self.encode_dict(item, depth + 1) if kind is dict else self.encode(item, depth + 1)
                if plain is not item:
                    changed = changed or {**value}
                    changed[name] = plain
        return changed or value

    def _encode_list(self, value: list[Any], depth: int) -> list[Any]:
        if depth > self._max_depth:
            raise NestedTooDeeplyError
        scalars, changed = self._scalars, None
        for index, item in enumerate(value):
            kind = type(item)
            if kind not in scalars:
                plain = self.encode_dict(item, depth + 1) if kind is dict else self.encode(item, depth + 1)
                if plain is not item:
                    changed = changed or value.copy()
                    changed[index] = plain
        return value if changed is None else changed

    def decode(self, value: Any) -> Any:
        """The values that `encode` was given; changes `value` in place where it can.

        Raises TranscodingNotRegisteredError for a tag that no transcoding is registered for.
        """
        if type(value) is dict:
            for name, item in value.items():
                if type(item) in _CONTAINERS:
                    value[name] = self.decode(item)
            if len(value) == 2 and "_type_" in value and "_data_" in value:
                return self._untagged(value["_type_"], value["_data_"])
        elif type(value) is list:
            for index, item in enumerate(value):
                if type(item) in _CONTAINERS:
                    value[index] = self.decode(item)
        return value

    def _untagged(self, name: str, data: Any) -> Any:
        transcoding = self._transcoder.names.get(name) or _BUILT_IN_NAMES.get(name)
        if transcoding is None:
            raise TranscodingNotRegisteredError(
                f"Data serialized with name '{name}' is not deserializable. "
                "Please register a custom transcoding for this type."
            )
        return transcoding.decode(data)
