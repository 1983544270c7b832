"""Records of one name: versions of one product, and many products that only their brand tells apart."""

import re
from collections.abc import Iterable, Sequence
from statistics import median

from ledger.ports import FoodRecord

_MANY = 3


def without_alike(records: Iterable[FoodRecord], asked: str) -> tuple[FoodRecord, ...]:
    """One record of each name, in the order of the names' first records. `asked` is the name that was searched.

    Of a product's versions, which have the same brand and name, the newest stays. Of the brands of one name those
    that `asked` names go first; of three or more the one nearest their median energy stays, of two the newer one.
    """
    names: dict[str, list[FoodRecord]] = {}
    for record in records:
        names.setdefault(_plain(record.name), []).append(record)
    return tuple(_one_of(alike, _plain(asked)) for alike in names.values())


def _one_of(alike: Sequence[FoodRecord], asked: str) -> FoodRecord:
    products: dict[str, list[FoodRecord]] = {}
    for record in alike:
        products.setdefault(_plain(record.brand or ""), []).append(record)
    newest = {brand: max(versions, key=_published) for brand, versions in products.items()}
    words = set(asked.split())
    named = [record for brand, record in newest.items() if brand and words.issuperset(brand.split())]
    candidates = named or list(newest.values())
    energies = [record.per_100g.calories for record in candidates if record.per_100g.calories is not None]
    if len(energies) < _MANY:
        return max(candidates, key=_published)
    middle = median(energies)
    known = [record for record in candidates if record.per_100g.calories is not None]
    return min(known, key=lambda record: abs((record.per_100g.calories or 0) - middle))


def _published(record: FoodRecord) -> tuple[bool, str]:
    """Records whose energy is known go before newer ones without it."""
    return record.per_100g.calories is not None, record.published or ""


def _plain(text: str) -> str:
    """The words alone, since versions of one product differ in capitals, commas and hyphens."""
    return " ".join(re.findall(r"\w+", text.casefold()))
