"""Structs as documents and back, in one place, so that the same value always is the same document."""

from datetime import datetime
from typing import TypeVar

import msgspec

from projections.projection import Document

_T = TypeVar("_T")
_NATIVE = (datetime,)


def to_document(value: msgspec.Struct) -> Document:
    """The struct as a document: instants stay what they are, dates and enums become strings.

    Tuples stay tuples, which BSON writes as it writes lists.
    """
    document: Document = msgspec.to_builtins(value, builtin_types=_NATIVE)
    return document


def from_document(document: Document, struct: type[_T]) -> _T:
    """The struct that the document holds. Raises msgspec.ValidationError for one that does not fit."""
    return msgspec.convert(document, struct, builtin_types=_NATIVE)
