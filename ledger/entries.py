"""Changes of a meal's entries, shared by the aggregate and the read models."""

from collections.abc import Sequence

from msgspec import structs

from ledger.events import EntryChange
from ledger.values import MealEntry, MealWarning


def keep_entries(
    entries: tuple[MealEntry, ...], warnings: tuple[MealWarning, ...], entry_ids: Sequence[str]
) -> tuple[tuple[MealEntry, ...], tuple[MealWarning, ...]]:
    """The entries with these ids, without the warnings of the other entries."""
    return (
        tuple(entry for entry in entries if entry.id in entry_ids),
        tuple(warning for warning in warnings if warning.entry_id is None or warning.entry_id in entry_ids),
    )


def apply_changes(entries: tuple[MealEntry, ...], changes: Sequence[EntryChange]) -> tuple[MealEntry, ...]:
    """The entries after the changes."""
    changed = {change.entry_id: change for change in changes}
    return tuple(
        structs.replace(
            entry,
            quantity_g=changed[entry.id].quantity_after,
            nutrients=changed[entry.id].nutrients_after,
        )
        if entry.id in changed
        else entry
        for entry in entries
    )
