"""JSON that keeps the types of what it is given."""

from typing import Any

from eventsourcing.persistence import JSONTranscoder

from adapters.mongo.encoding.tagged_values import DictAsPairs, TaggedValues, TupleAsList

_JSON_SCALARS: frozenset[type] = frozenset({str, int, float, bool, type(None)})


class MongoTranscoder(JSONTranscoder):
    """The library's JSON transcoder, made exact.

    The library's own writes tuples as lists, subclasses of str, int, list and dict as their base, and keys that are
    not strings as strings. This one matches types exactly: tuples and dictionaries with any keys come back as they
    were, a subclass needs a registered transcoding, and without one TranscodingNotRegisteredError is raised.

    The event store's mapper takes the transcodings registered here and writes BSON; the JSON itself is for those
    who use the transcoder alone or configure the library's mapper.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register(TupleAsList())
        self.names[DictAsPairs.name] = DictAsPairs()
        self._values = TaggedValues(self, _JSON_SCALARS, {}, _all_are_strings)

    def encode(self, obj: Any) -> bytes:
        """JSON, without spaces, in UTF-8.

        Raises TranscodingNotRegisteredError for an object of a type without transcoding.
        """
        return super().encode(self._values.encode(obj))


def _all_are_strings(value: dict[Any, Any]) -> bool:
    return all(type(key) is str for key in value)
