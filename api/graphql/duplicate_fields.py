"""Fields named again where they stand already.

`{ id id }` means `{ id }`, but validation compares every field with every other of its name. Without the repeats a
document of a thousand equal fields costs what one of them costs.
"""

from typing import Any, cast

from graphql import DocumentNode, FieldNode, SelectionNode, SelectionSetNode, Visitor, visit


def without_duplicate_fields(document: DocumentNode) -> DocumentNode:
    """The same document, each field that has no arguments, directives or fields of its own named once in one place."""
    return cast("DocumentNode", visit(document, _DropDuplicateFields()))


class _DropDuplicateFields(Visitor):
    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> SelectionSetNode | None:
        seen: set[tuple[str, str | None]] = set()
        kept = tuple(selection for selection in node.selections if not _is_repeat(selection, seen))
        # None leaves the node as it is.
        return SelectionSetNode(selections=kept, loc=node.loc) if len(kept) < len(node.selections) else None


def _is_repeat(selection: SelectionNode, seen: set[tuple[str, str | None]]) -> bool:
    if not isinstance(selection, FieldNode):
        return False
    if selection.arguments or selection.directives or selection.selection_set:
        return False
    key = (selection.name.value, selection.alias.value if selection.alias else None)
    repeated = key in seen
    seen.add(key)
    return repeated
