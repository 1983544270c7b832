"""Structs as documents and back, in one place, so that the same value always is the same document."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from projections.projection import Document

_T = TypeVar("_T")
_NATIVE = (datetime,)


def to_document(value: msgspec.Struct) -> Document:
    """The struct as a document: instants stay what they are, dates and enums become strings, tuples lists."""
    document: Document = _with_lists(msgspec.to_builtins(value, builtin_types=_NATIVE))
    return document


def from_document(document: Document, struct: type[_T]) -> _T:
    """The struct that the document holds. Raises msgspec.ValidationError for one that does not fit."""
    return msgspec.convert(document, struct, builtin_types=_NATIVE)


def _with_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_lists(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_lists(item) for item in value]
    return value
