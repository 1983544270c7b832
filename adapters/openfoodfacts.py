"""OpenFoodFacts: nutrients of packaged foods by name. Its data are under the ODbL: name the source where they show."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from adapters import per_100ml
from adapters.food_answers import number, readable, text
from adapters.json_api import JsonApi
from adapters.openfoodfacts_nutrition import product_nutrients
from adapters.resilience import Resilience
from ledger import CarbohydrateBasis, FoodRecord, NutrientSource, plausible, without_alike

PAGE_SIZE = 24
MOST_BYTES = 1_000_000
"""A page of 24 products has some 200 kB."""

LANGUAGES = (
    "en",
    "fr",
    "de",
    "es",
    "it",
    "nl",
    "pt",
    "pl",
    "sv",
    "da",
    "nb",
    "fi",
    "cs",
    "hu",
    "ro",
    "el",
    "tr",
)
"""Languages in which a product may have its only name; the service gives only fields that are asked for."""

FIELDS = (
    "code",
    "product_name",
    *(f"product_name_{language}" for language in LANGUAGES),
    "generic_name",
    "brands",
    "categories_tags",
    "product_type",
    "nutriments",
    "nutrition",
    "nutrition_data_per",
    "product_quantity_unit",
    "serving_quantity_unit",
    "serving_size",
    "last_modified_t",
)

_DRY = re.compile(
    r"(?i)\b(?:powder(?:ed)?|mix(?:es)?|dry|dried|instant granules|concentrate[d]?|cubes?|undiluted|uncooked)\b"
)


class OpenFoodFactsDatabase:
    """The `NutrientDatabase` of OpenFoodFacts.

    `search_url` is the whole address of the search by text (version 1, `/cgi/search.pl`; version 2 has none).
    The service wants to know who asks: `version` is ours, `contact` an address of the operator.
    """

    source = NutrientSource.OPENFOODFACTS

    def __init__(
        self,
        *,
        search_url: str,
        resilience: Resilience,
        version: str,
        contact: str = "self-hosted meal diary",
    ) -> None:
        self._search_url = search_url
        self._service = resilience.service
        agent = {"User-Agent": f"MealLedger/{version} ({contact})"}
        self._api = JsonApi(resilience, agent, most_bytes=MOST_BYTES)

    async def search(self, name: str) -> Sequence[FoodRecord]:
        """The products found under the name whose nutrients are known and possible; one of each name.

        They are of the product as it is eaten: the prepared soup, unless the name asks for the powder.
        """
        words = " ".join(name.split())
        if not words:
            return ()
        params = [
            ("search_terms", words),
            ("search_simple", "1"),
            ("action", "process"),
            ("json", "1"),
            ("page_size", str(PAGE_SIZE)),
            ("fields", ",".join(FIELDS)),
        ]
        answer = await self._api.get(self._search_url, params, _SearchAnswer)
        dry = _DRY.search(words) is not None
        records = readable(self._service, answer.products, lambda product: _record(product, dry=dry))
        return without_alike(records, words)

    @property
    def misconfiguration(self) -> str | None:
        """What only the operator can mend, in a sentence; None while the service takes our requests."""
        return self._api.misconfiguration

    async def aclose(self) -> None:
        await self._api.aclose()


class _SearchAnswer(Struct, frozen=True):
    products: list[object]


def _record(product: Mapping[str, object], *, dry: bool) -> FoodRecord | None:
    code, name = text(product.get("code")), next(_names(product), None)
    read = product_nutrients(product, dry=dry)
    if code is None or name is None or read is None:
        return None
    given, remarks = per_100ml.per_100g_or_said(
        read.nutrients, serving=text(product.get("serving_size")) or "", is_liquid=read.per_100ml
    )
    found = plausible(given, food=f"{name} {_categories(product)}", basis=CarbohydrateBasis.WITHOUT_FIBER)
    if found is None:
        return None
    return FoodRecord(
        source=NutrientSource.OPENFOODFACTS,
        source_id=code,
        name=name,
        data_type=text(product.get("product_type")),
        brand=_brand(product.get("brands")),
        published=_date(product.get("last_modified_t")),
        per_100g=found.per_100g,
        carbohydrate=CarbohydrateBasis.WITHOUT_FIBER,
        remarks=(*remarks, *found.remarks),
    )


def _names(product: Mapping[str, object]) -> Iterator[str]:
    """The product's names, the English one first: some products have one in another language's field only."""
    fields = ("product_name_en", "product_name", *(f"product_name_{language}" for language in LANGUAGES))
    for field in (*fields, "generic_name"):
        name = text(product.get(field))
        if name is not None:
            yield name


def _categories(product: Mapping[str, object]) -> str:
    tags = product.get("categories_tags")
    return " ".join(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ""


def _brand(value: object) -> str | None:
    """The first of the brands: a text with commas in one form of the service, a list in another."""
    first = value[0] if isinstance(value, list) and value else value
    return text(first.partition(",")[0]) if isinstance(first, str) else None


def _date(value: object) -> str | None:
    seconds = number(value)
    if seconds is None or seconds > datetime.max.replace(tzinfo=UTC).timestamp():
        return None
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
