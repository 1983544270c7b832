"""The client of OpenFoodFacts: what it sends, and its units, which differ from those of other sources."""

from collections.abc import AsyncIterator, Iterator, Mapping

import pytest

from adapters.openfoodfacts import OpenFoodFactsDatabase
from ledger import FoodRecord, NutrientDatabase, Nutrients, NutrientSource, ServiceUnavailable
from tests.adapters.services import quick_resilience
from tests.fault_server import FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def database(server: FaultyServer) -> AsyncIterator[OpenFoodFactsDatabase]:
    client = OpenFoodFactsDatabase(
        search_url=f"{server.base_url}/cgi/search.pl",
        resilience=quick_resilience("OpenFoodFacts"),
        version="1.2.3",
        contact="ops@example.org",
    )
    yield client
    await client.aclose()


async def found(
    database: OpenFoodFactsDatabase, server: FaultyServer, *products: Mapping[str, object]
) -> list[FoodRecord]:
    server.answer(json={"count": len(products), "products": list(products)})
    return list(await database.search("a product"))


async def read(
    database: OpenFoodFactsDatabase, server: FaultyServer, nutriments: dict[str, object]
) -> Nutrients:
    (record,) = await found(
        database, server, {"code": "1", "product_name": "A product", "nutriments": nutriments}
    )
    return record.per_100g


async def test_a_search_by_name_brings_the_product_with_its_nutrients(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    (record,) = await found(
        database,
        server,
        {
            "code": "3017620422003",
            "product_name": " Nutella ",
            "brands": "Ferrero, Nutella",
            "product_type": "food",
            "last_modified_t": 1700000000,
            "nutriments": {
                "energy-kcal_100g": 539,
                "energy_100g": 2252,
                "energy_unit": "kcal",
                "proteins_100g": 6.3,
                "carbohydrates_100g": 57.5,
                "fat_100g": 30.9,
                "fiber_100g": 0,
                "sugars_100g": 56.3,
                "sodium_100g": 0.0428,
                "sodium_value": 42.8,
                "sodium_unit": "mg",
            },
        },
    )

    assert record == FoodRecord(
        source=NutrientSource.OPENFOODFACTS,
        source_id="3017620422003",
        name="Nutella",
        data_type="food",
        brand="Ferrero",
        published="2023-11-14",
        per_100g=Nutrients.of(
            calories=539, protein=6.3, carbs=57.5, fat=30.9, fiber=0, sugar=56.3, sodium=42.8
        ),
    )
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/cgi/search.pl")
    assert request.headers["user-agent"] == "MealLedger/1.2.3 (ops@example.org)"
    assert dict(request.query) == {
        "search_terms": "a product",
        "search_simple": "1",
        "action": "process",
        "json": "1",
        "page_size": "24",
        "fields": "code,product_name,product_name_en,brands,product_type,nutriments,last_modified_t",
    }


@pytest.mark.parametrize(
    ("nutriments", "sodium"),
    [
        ({"sodium_100g": 0.4}, 400.0),
        ({"salt_100g": 1.0}, 400.0),
        ({"sodium_100g": 0.0123, "salt_100g": 9}, 12.3),
        ({"sodium_100g": 0, "salt_100g": 9}, 0.0),
        ({}, None),
    ],
)
async def test_sodium_is_given_in_grams_and_kept_in_milligrams(
    database: OpenFoodFactsDatabase,
    server: FaultyServer,
    nutriments: dict[str, object],
    sodium: float | None,
) -> None:
    assert (await read(database, server, {"fat_100g": 1} | nutriments)).sodium == sodium


@pytest.mark.parametrize(
    ("nutriments", "calories"),
    [
        ({"energy-kcal_100g": 100, "energy-kj_100g": 999}, 100),
        ({"energy-kj_100g": 418.4, "energy_100g": 999}, 100),
        ({"energy_100g": 418.4}, 100),
        ({"energy-kcal_100g": 0, "energy_100g": 99}, 0),
        ({"energy-kcal_100g": "41.5"}, 41.5),
        ({"energy-kcal_100g": "", "energy_100g": "418.4"}, 100),
        ({"energy-kcal_value": 100, "energy-kcal_serving": 30}, None),
    ],
)
async def test_energy_is_kcal_else_kilojoules(
    database: OpenFoodFactsDatabase,
    server: FaultyServer,
    nutriments: dict[str, object],
    calories: float | None,
) -> None:
    assert (await read(database, server, {"fat_100g": 1} | nutriments)).calories == calories


@pytest.mark.parametrize("value", [None, "", "traces", "NaN", "1e999", -3, True, [], {}])
async def test_what_is_no_number_is_unknown_and_never_zero(
    database: OpenFoodFactsDatabase, server: FaultyServer, value: object
) -> None:
    per_100g = await read(database, server, {"energy-kcal_100g": 10, "fat_100g": value})
    assert (per_100g.calories, per_100g.fat, per_100g.protein, per_100g.complete) == (10, None, None, False)


@pytest.mark.parametrize(
    "nutriments",
    [
        None,
        [],
        {},
        {"energy-kcal_serving": 120, "fat_serving": 3},
        {"energy-kcal_prepared_100g": 40, "fat_prepared_100g": 1},
        {"sodium_100g": 0.4},
        {"energy-kcal_100g": 3900},
        {"proteins_100g": 60, "carbohydrates_100g": 60},
    ],
)
async def test_a_product_without_values_per_100g_is_no_record(
    database: OpenFoodFactsDatabase, server: FaultyServer, nutriments: object
) -> None:
    product = {"code": "1", "product_name": "A product", "nutriments": nutriments}
    missing = {"code": "1", "product_name": "A product"}
    assert await found(database, server, product, missing) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"code": None},
        {"code": ""},
        {"code": 17},
        {"product_name": None},
        {"product_name": "  "},
        {"product_name": ["A"]},
    ],
)
async def test_a_product_without_code_or_name_is_no_record(
    database: OpenFoodFactsDatabase, server: FaultyServer, odd: dict[str, object]
) -> None:
    product = {"code": "1", "product_name": "A product", "nutriments": {"fat_100g": 1}}
    assert [one.name for one in await found(database, server, product | odd, product)] == ["A product"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"product_name_en": "Hazelnut spread"}, ("Hazelnut spread", None, None)),
        ({"product_name_en": ""}, ("Pâte", None, None)),
        ({"brands": ["Ferrero", "Nutella"]}, ("Pâte", "Ferrero", None)),
        ({"brands": []}, ("Pâte", None, None)),
        ({"brands": " , x"}, ("Pâte", None, None)),
        ({"last_modified_t": "1700000000"}, ("Pâte", None, "2023-11-14")),
        ({"last_modified_t": 10**20}, ("Pâte", None, None)),
    ],
)
async def test_names_brands_and_dates_come_in_many_shapes(
    database: OpenFoodFactsDatabase,
    server: FaultyServer,
    more: dict[str, object],
    expected: tuple[str, str | None, str | None],
) -> None:
    product = {"code": "1", "product_name": "Pâte", "nutriments": {"fat_100g": 1}} | more
    (record,) = await found(database, server, product)
    assert (record.name, record.brand, record.published) == expected


async def test_nothing_found_is_no_error(database: OpenFoodFactsDatabase, server: FaultyServer) -> None:
    assert await found(database, server) == []
    server.answer(404)
    assert await database.search("a product") == ()
    assert await database.search("   ") == ()
    assert len(server.requests) == 2


async def test_a_busy_service_is_not_taken_for_product_not_found(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    server.answer(503, body="<html>busy</html>", times=None)
    with pytest.raises(ServiceUnavailable):
        await database.search("a product")


async def test_it_is_a_nutrient_database(database: OpenFoodFactsDatabase) -> None:
    port: NutrientDatabase = database
    assert port.source is NutrientSource.OPENFOODFACTS
