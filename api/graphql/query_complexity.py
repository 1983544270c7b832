"""How much one document may ask for, found out by one walk over it, in time linear in its tokens.

Validation compares fields of one name pair by pair, and execution follows lists and fragments as often as they are
named; a document within these limits costs little in both. Depth, aliases and cost count fragments where they are
spread, so that nothing can hide in them.
"""

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)
from msgspec import Struct

from api.errors import RequestErrorCode
from projections import MAX_PAGE

MAX_DEPTH = 15
"""Levels of fields; the usual introspection query has 15, a meal's nutrients in a history are on level 6."""
MAX_ALIASES = 40
"""Aliases of an operation: a month of daily summaries fits."""
MAX_MUTATIONS = 10
"""Mutations of one operation; they run one after the other."""
MAX_REPEATS = 50
"""Fields of a document that name again what stands beside them, with arguments or fields of their own."""
MAX_SPREADS = 100
"""Spreads of named fragments in a document."""
MAX_COST = 30_000
"""Values that an operation may answer with, roughly: the usual introspection query and two full pages fit."""

DEFAULT_PAGE = 20
"""Meals of a page where a query does not say how many; the schema says the same."""
_LIST_SIZES = {
    "entries": 5,
    "breakdown": 4,
    "types": 45,
    "fields": 4,
    "args": 1,
    "inputFields": 1,
    "enumValues": 1,
    "directives": 8,
}
"""How many elements a list has on average, by its field's name; those of the introspection are this schema's."""


class DocumentTooComplex(GraphQLError):
    """The document asks for more than one request may; the message names the limit."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": RequestErrorCode.DOCUMENT_TOO_COMPLEX})


class _Size(Struct, frozen=True):
    """What a selection set comes to: its levels, fields directly in it, aliases, and values it answers with."""

    depth: int = 0
    width: int = 0
    aliases: int = 0
    cost: int = 0

    def beside(self, other: "_Size") -> "_Size":
        return _Size(
            max(self.depth, other.depth),
            self.width + other.width,
            self.aliases + other.aliases,
            self.cost + other.cost,
        )


def check_complexity(document: DocumentNode) -> int:
    """The values that the operation with the largest answer returns, roughly. Raises DocumentTooComplex."""
    cost = 0
    walk = _Walk(document)
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            walk.fragment(definition.name.value)
        elif isinstance(definition, OperationDefinitionNode):
            size = walk.selections(definition.selection_set, 1, set())
            _check_operation(definition, size)
            cost = max(cost, size.cost)
    return cost


def _check_operation(operation: OperationDefinitionNode, size: _Size) -> None:
    if size.depth > MAX_DEPTH:
        raise _too_deep()
    if size.aliases > MAX_ALIASES:
        raise DocumentTooComplex(
            f"The operation has {_number(size.aliases)} aliases; at most {MAX_ALIASES} are allowed."
        )
    if operation.operation is OperationType.MUTATION and size.width > MAX_MUTATIONS:
        raise DocumentTooComplex(
            f"The operation has {_number(size.width)} mutations; at most {MAX_MUTATIONS} are allowed."
        )
    if size.cost > MAX_COST:
        raise DocumentTooComplex(
            f"The operation could return about {_number(size.cost)} values; at most {MAX_COST} are allowed. "
            "Ask for smaller pages or fewer fields."
        )


class _Walk:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._sizes: dict[str, _Size] = {}
        self._repeats = 0
        self._spreads = 0

    def fragment(self, name: str) -> _Size:
        """The size of a fragment, found out once. One that is unknown or within itself is left to the validation."""
        size = self._sizes.get(name)
        if size is None:
            self._sizes[name] = _Size()
            if name in self._fragments:
                self._sizes[name] = self.selections(self._fragments[name].selection_set, 1, set())
        return self._sizes[name]

    def selections(self, selection_set: SelectionSetNode, level: int, names: set[str]) -> _Size:
        """The size of a selection set on that level; `names` are the response names given beside it so far."""
        if level > MAX_DEPTH:
            raise _too_deep()
        size = _Size()
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                size = size.beside(self._field(selection, level, names))
            elif isinstance(selection, InlineFragmentNode):
                size = size.beside(self.selections(selection.selection_set, level + 1, names))
            elif isinstance(selection, FragmentSpreadNode):
                size = size.beside(self._spread(selection))
        return size

    def _field(self, field: FieldNode, level: int, names: set[str]) -> _Size:
        response_name = (field.alias or field.name).value
        if response_name in names:
            self._repeats += 1
            if self._repeats > MAX_REPEATS:
                raise DocumentTooComplex(
                    f"The document repeats fields too often; at most {MAX_REPEATS} repeats are allowed."
                )
        names.add(response_name)
        inner = self.selections(field.selection_set, level + 1, set()) if field.selection_set else _Size()
        return _Size(
            depth=inner.depth + 1,
            width=1,
            aliases=inner.aliases + (field.alias is not None),
            cost=1 + _list_size(field) * inner.cost,
        )

    def _spread(self, spread: FragmentSpreadNode) -> _Size:
        self._spreads += 1
        if self._spreads > MAX_SPREADS:
            raise DocumentTooComplex(f"The document spreads fragments more than {MAX_SPREADS} times.")
        return self.fragment(spread.name.value)


def _list_size(field: FieldNode) -> int:
    if field.name.value != "mealHistory":
        return _LIST_SIZES.get(field.name.value, 1)
    for argument in field.arguments or ():
        if argument.name.value == "first":
            literal = argument.value
            # What a variable will hold is not known here: a document is measured once for all its requests.
            return _page(literal.value) if isinstance(literal, IntValueNode) else MAX_PAGE
    return DEFAULT_PAGE


def _page(digits: str) -> int:
    """The size of a page as far as it counts; one out of bounds is refused when it is asked for."""
    return max(0, min(int(digits[:4]), MAX_PAGE))


def _too_deep() -> DocumentTooComplex:
    return DocumentTooComplex(f"The document is nested too deeply; at most {MAX_DEPTH} levels are allowed.")


def _number(value: int) -> str:
    """Fragments can multiply beyond what is worth printing."""
    return str(value) if value < 1_000_000 else "over a million"
