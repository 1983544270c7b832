"""Changes of a meal's entries, shared by the aggregate and the read models."""

from collections.abc import Mapping, Sequence

from msgspec import structs

from ledger.events import EntryChange
from ledger.values import FoundNutrients, MealEntry, MealWarning, WarningCode


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


def awaiting_nutrients(
    entries: tuple[MealEntry, ...], warnings: tuple[MealWarning, ...]
) -> tuple[MealEntry, ...]:
    """The entries of which a database that may have them could not be asked."""
    awaited = {warning.entry_id for warning in warnings if _awaits(warning)}
    return tuple(entry for entry in entries if entry.id in awaited)


def fill_in(entries: tuple[MealEntry, ...], found: Mapping[str, FoundNutrients]) -> tuple[MealEntry, ...]:
    """The entries, by id in `found`, that have nutrients now: for the amounts that they have."""
    return tuple(
        structs.replace(
            entry,
            per_100g=nutrients.per_100g,
            nutrients=nutrients.per_100g.for_grams(entry.quantity_g),
            provenance=nutrients.provenance,
            alternatives=nutrients.alternatives,
        )
        for entry in entries
        if (nutrients := found.get(entry.id)) is not None and nutrients.provenance is not None
    )


def replace_entries(entries: tuple[MealEntry, ...], completed: Sequence[MealEntry]) -> tuple[MealEntry, ...]:
    """The entries, with those that were completed in their places."""
    by_id = {entry.id: entry for entry in completed}
    return tuple(by_id.get(entry.id, entry) for entry in entries)


def warnings_after(
    warnings: tuple[MealWarning, ...], found: Mapping[str, FoundNutrients]
) -> tuple[MealWarning, ...]:
    """The warnings, with what was found for an entry in the place of the one that its nutrients are awaited."""
    after: list[MealWarning] = []
    for warning in warnings:
        nutrients = found.get(warning.entry_id or "") if _awaits(warning) else None
        after.extend((warning,) if nutrients is None else nutrients.warnings)
    return tuple(after)


def _awaits(warning: MealWarning) -> bool:
    return warning.code is WarningCode.NUTRIENTS_UNAVAILABLE
