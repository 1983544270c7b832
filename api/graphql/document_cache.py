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
_MOST_SEEN = 10_000
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
    """Prepares documents for execution. Variables are no part of it: a text is prepared for all of them.

    What comes a second time is remembered, refusals too: a client that never repeats itself cannot fill the memory with
    trees, which the collector of garbage would walk through while all wait. At most `max_weight` bytes, about, are
    remembered; the least recently used go first.
    """

    def __init__(self, schema: GraphQLSchema, *, max_weight: int = 8 * 1024 * 1024) -> None:
        self._schema = schema
        self._max_weight = max_weight
        self.weight = 0
        """What is remembered takes about so many bytes."""
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._seen_once: OrderedDict[int, None] = OrderedDict()
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
        if len(text) <= _CACHED_LENGTH and self._was_seen(text):
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

    def _was_seen(self, text: str) -> bool:
        """Whether the text came before, not too long ago; it has from now on."""
        key = hash(text)
        if key in self._seen_once:
            return True
        self._seen_once[key] = None
        if len(self._seen_once) > _MOST_SEEN:
            self._seen_once.popitem(last=False)
        return False

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
