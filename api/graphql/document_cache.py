"""Documents: parsed, measured and validated once per text, and remembered within bounds."""

import asyncio
import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from graphql import DocumentNode, GraphQLSchema, GraphQLSyntaxError, parse, specified_rules, validate
from msgspec import Struct

from api.errors import DocumentRefused, RequestErrorCode
from api.graphql.duplicate_fields import without_duplicate_fields
from api.graphql.finite_numbers import FiniteNumbersRule
from api.graphql.located_errors import document_errors
from api.graphql.query_complexity import DocumentTooComplex, check_complexity

MAX_TOKENS = 1000
MAX_COMMENTS = 1000
MAX_ERRORS = 10
"""Validation stops at so many errors."""

_INLINE_LENGTH = 300
"""Longer documents are prepared in a thread: the event loop goes on meanwhile."""
_CACHED_LENGTH = 32 * 1024
_BYTES_PER_TOKEN = 1024
"""What the tree of a document takes in memory per token, at most; measured 330 to 615."""

_RULES = (*specified_rules, FiniteNumbersRule)


class Prepared(Struct, frozen=True):
    """A document that may be executed; the operation with the largest answer returns about `cost` values."""

    document: DocumentNode
    cost: int


class _Entry(Struct, frozen=True):
    outcome: Prepared | DocumentRefused
    weight: int


class DocumentCache:
    """Prepares documents for execution. Variables are no part of it: a text is prepared once for all of them.

    The outcomes of at most `max_weight` bytes, about, are remembered, refusals too; the least recently used go first.
    """

    def __init__(self, schema: GraphQLSchema, *, max_weight: int = 32 * 1024 * 1024) -> None:
        self._schema = schema
        self._max_weight = max_weight
        self.weight = 0
        """What is remembered takes about so many bytes."""
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "graphql-documents")

    async def prepare(self, text: str) -> Prepared:
        """The document, parsed and valid. Raises DocumentRefused."""
        entry = self._entries.get(text)
        if entry is not None:
            self._entries.move_to_end(text)
            return _document(entry.outcome)
        if len(text) <= _INLINE_LENGTH:
            outcome = self._prepared(text)
        else:
            outcome = await asyncio.get_running_loop().run_in_executor(self._thread, self._prepared, text)
        if len(text) <= _CACHED_LENGTH:
            self._remember(text, outcome)
        return _document(outcome)

    def _prepared(self, text: str) -> Prepared | DocumentRefused:
        try:
            parsed = parse(text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_COMMENTS)
            document = without_duplicate_fields(parsed)
            cost = check_complexity(document)
        except GraphQLSyntaxError as error:
            return DocumentRefused(document_errors([error], _code_of(error)))
        except DocumentTooComplex as error:
            return DocumentRefused(document_errors([error], RequestErrorCode.DOCUMENT_TOO_COMPLEX))
        errors = validate(self._schema, document, _RULES, max_errors=MAX_ERRORS)
        if errors:
            return DocumentRefused(document_errors(errors, RequestErrorCode.GRAPHQL_VALIDATION_FAILED))
        return Prepared(document, cost)

    def _remember(self, text: str, outcome: Prepared | DocumentRefused) -> None:
        tokens = outcome.document.token_count if isinstance(outcome, Prepared) else MAX_ERRORS
        weight = 3 * sys.getsizeof(text) + _BYTES_PER_TOKEN * tokens
        self._forget(text)
        self._entries[text] = _Entry(outcome, weight)
        self.weight += weight
        while self.weight > self._max_weight:
            self._forget(next(iter(self._entries)))

    def _forget(self, text: str) -> None:
        entry = self._entries.pop(text, None)
        if entry is not None:
            self.weight -= entry.weight


def _document(outcome: Prepared | DocumentRefused) -> Prepared:
    if isinstance(outcome, DocumentRefused):
        raise DocumentRefused(outcome.errors)  # a new one: an exception gathers the stacks it was raised with
    return outcome


def _code_of(error: GraphQLSyntaxError) -> RequestErrorCode:
    """The parser has no error class of its own for its limits; its words for them are pinned by tests."""
    if error.message.startswith(("Syntax Error: Document contains more", "Syntax Error: Document is nested")):
        return RequestErrorCode.DOCUMENT_TOO_COMPLEX
    return RequestErrorCode.GRAPHQL_PARSE_FAILED
