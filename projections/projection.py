"""What a projection is: plain data and two pure functions. The engine does all I/O for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger import MealEvent

Document = dict[str, Any]
"""A document of a read model, without its key: values that BSON holds natively, instants as UTC datetimes."""


@dataclass(frozen=True)
class Index:
    """An index of a read model: fields with 1 for ascending and -1 for descending.

    `where` limits it to the documents with these values.
    """

    name: str
    fields: tuple[tuple[str, int], ...]
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Projection:
    """A read model as a function of the log.

    `keys` names the documents that an event touches. `evolve` gives a document's next state, or None to delete it;
    it never changes the document it was given, and raises for an event that does not fit. Both see only events of
    `topics`. A change to their results, or to the documents' shape, is a new `version`, with a storage of its own.
    """

    name: str
    version: int
    topics: frozenset[str]
    indexes: tuple[Index, ...]
    keys: Callable[[MealEvent], tuple[str, ...]]
    evolve: Callable[[str, Document | None, MealEvent], Document | None]

    @property
    def storage(self) -> str:
        """The name under which documents, checkpoint and parked events of this version are kept."""
        return f"{self.name}_v{self.version}"
