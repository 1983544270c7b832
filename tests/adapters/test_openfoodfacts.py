"""The client of OpenFoodFacts: what it sends, and its units, which differ from those of other sources."""

from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
from structlog.testing import capture_logs

from adapters.openfoodfacts import OpenFoodFactsDatabase
from adapters.service_errors import AnswerTooLarge, Misconfigured
from ledger import (
    CarbohydrateBasis,
    FoodRecord,
    NutrientDatabase,
    Nutrients,
    NutrientSource,
    ServiceUnavailable,
    WarningCode,
)
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
                "saturated-fat_100g": 10.6,
                "calcium_100g": 0.117,
                "vitamin-b12_100g": 0.0000004,
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
            calories=539,
            protein=6.3,
            carbs=57.5,
            fat=30.9,
            fiber=0,
            sugar=56.3,
            sodium=42.8,
            saturated_fat=10.6,
            calcium=117,
            vitamin_b12=0.4,
        ),
        carbohydrate=CarbohydrateBasis.WITHOUT_FIBER,
    )
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/cgi/search.pl")
    assert request.headers["user-agent"] == "MealLedger/1.2.3 (ops@example.org)"
    query = dict(request.query)
    fields = query.pop("fields").split(",")
    assert {"code", "product_name", "product_name_fr", "nutriments", "nutrition"} <= set(fields)
    assert query == {
        "search_terms": "a product",
        "search_simple": "1",
        "action": "process",
        "json": "1",
        "page_size": "24",
    }


@pytest.mark.parametrize(
    ("nutriments", "sodium"),
    [
        ({"sodium_100g": 0.4}, 400.0),
        ({"salt_100g": 1.0}, 400.0),
        ({"sodium_100g": 0.4, "salt_100g": 1.05}, 400.0),
        ({"sodium_100g": 0, "salt_100g": 0.02}, 0.0),
        ({"sodium_100g": 0.0012, "salt_100g": 1.2}, 480.0),
        ({"sodium_100g": 40}, None),
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
        ({"energy-kcal_100g": 100, "energy-kj_100g": 420}, 100),
        ({"energy-kj_100g": 418.4, "energy_100g": 999}, 100),
        ({"energy_100g": 418.4}, 100),
        ({"energy-kcal_100g": 0, "energy_100g": 41.84}, 10),
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
        {"sodium_100g": 0.4},
        {"sodium_prepared_100g": 0.4},
        {"energy-kcal_100g": 3900},
        {"proteins_100g": 60, "carbohydrates_100g": 60},
        {"proteins_100g": "much"},
        {7: 8},
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
        ({"product_name": None, "product_name_es": "Crema"}, ("Crema", None, None)),
        ({"product_name": "", "generic_name": "A spread"}, ("A spread", None, None)),
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
    assert await database.search("   ") == ()
    assert len(server.requests) == 1


async def test_a_404_of_the_search_is_never_product_not_found(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    server.answer(404, times=None)
    with pytest.raises(Misconfigured):
        await database.search("a product")


async def test_an_answer_past_one_megabyte_is_refused(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    server.answer(body=b'{"products": []}'.ljust(1_000_001))
    with pytest.raises(AnswerTooLarge):
        await database.search("a product")


async def test_bad_products_are_skipped_and_counted_in_one_line(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    good = {"code": "1", "product_name": "A product", "nutriments": {"fat_100g": 1}}
    server.answer(json={"products": [None, [], "x", good | {"nutriments": "x"}, good]})
    with capture_logs() as logs:
        (record,) = await database.search("a product")
    assert record.source_id == "1"
    assert [(line["event"], line["skipped"], line["records"]) for line in logs] == [("records_skipped", 4, 5)]


SOUP = {
    "energy-kcal_100g": 340,
    "carbohydrates_100g": 60,
    "proteins_100g": 8,
    "fat_100g": 7,
    "energy-kcal_prepared_100g": 35,
    "carbohydrates_prepared_100g": 6,
    "proteins_prepared_100g": 0.8,
    "fat_prepared_100g": 0.7,
}


@pytest.mark.parametrize(
    ("asked", "calories"),
    [("onion soup", 35), ("onion soup powder", 340), ("dry onion soup", 340), ("onion soup mix", 340)],
)
async def test_prepared_values_are_what_is_on_a_plate(
    database: OpenFoodFactsDatabase, server: FaultyServer, asked: str, calories: float
) -> None:
    product = {"code": "1", "product_name": "Onion soup powder", "nutriments": SOUP}
    server.answer(json={"products": [product]})
    (record,) = await database.search(asked)
    assert record.per_100g.calories == calories
    assert record.per_100g.for_grams(300).calories == 3 * calories


async def test_the_dry_form_is_never_taken_from_prepared_values(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    nutriments = {"energy-kcal_prepared_100g": 35, "fat_prepared_100g": 1}
    server.answer(json={"products": [{"code": "1", "product_name": "A soup", "nutriments": nutriments}]})
    assert await database.search("soup powder") == ()


async def test_kilojoules_typed_as_kcal_are_mended(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    nutriments = {"energy-kcal_100g": 176, "energy-kj_100g": 176, "sugars_100g": 10}
    product = {"code": "1", "product_name": "Cola", "nutriments": nutriments}
    (record,) = await found(database, server, product)
    assert record.per_100g.calories == pytest.approx(42, abs=0.1)
    assert [remark.code for remark in record.remarks] == [WarningCode.NUTRIENTS_IMPLAUSIBLE]


async def test_impossible_fibre_and_sodium_are_unknown_with_a_reason(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    nutriments = {"energy-kcal_100g": 250, "carbohydrates_100g": 50, "fiber_100g": 2000, "sodium_100g": 40}
    (record,) = await found(
        database, server, {"code": "1", "product_name": "Bread", "nutriments": nutriments}
    )
    assert (record.per_100g.calories, record.per_100g.fiber, record.per_100g.sodium) == (250, None, None)
    assert len(record.remarks) == 2


async def test_all_zeros_for_a_food_with_energy_are_no_record(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    zeros = {
        f"{name}_100g": 0
        for name in ("energy-kcal", "energy", "proteins", "carbohydrates", "fat", "sugars", "salt")
    }
    pudding = {"code": "1", "product_name": "Yorkshire pudding", "nutriments": zeros}
    water = {"code": "2", "product_name": "Sparkling water", "nutriments": zeros}
    assert [record.name for record in await found(database, server, pudding, water)] == ["Sparkling water"]


def version(energy: float, **more: object) -> dict[str, object]:
    nutriments = {"energy-kcal_100g": energy, "fat_100g": 20}
    return {"code": str(energy), "product_name": "A bar", "brands": "A mill", "nutriments": nutriments} | more


async def test_the_newest_version_of_a_product_stays(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    older, newer = version(380, last_modified_t=1_560_000_000), version(460, last_modified_t=1_750_000_000)
    for order in ([older, newer], [newer, older]):
        assert [one.per_100g.calories for one in await found(database, server, *order)] == [460]


async def test_of_many_brands_the_one_nearest_their_median_stays(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    products = [version(energy, brands=f"Mill {energy}") for energy in (300, 450, 470, 480, 520)]
    assert [one.per_100g.calories for one in await found(database, server, *products)] == [470]


async def test_the_brand_that_was_asked_for_stays(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    server.answer(json={"products": [version(energy, brands=f"Mill {energy}") for energy in (300, 450, 470)]})
    (record,) = await database.search("a bar, mill 300")
    assert record.brand == "Mill 300"


def nutrient_set(preparation: str, per: str, **values: tuple[float, str]) -> dict[str, object]:
    nutrients: dict[str, object] = {
        name.replace("_", "-"): {"value": value, "unit": unit} for name, (value, unit) in values.items()
    }
    return {"preparation": preparation, "per": per, "nutrients": nutrients}


AS_SOLD = nutrient_set(
    "as_sold",
    "100g",
    energy=(1423, "kJ"),
    fat=(7, "g"),
    salt=(1200, "mg"),
    iron=(5, "mg"),
    proteins=(1, "oz"),
)
PREPARED = nutrient_set("prepared", "100g", energy=(35, "kcal"), fat=(0.7, "g"))


@pytest.mark.parametrize(
    ("asked", "nutrition", "expected"),
    [
        (
            "soup",
            {"aggregated_set": AS_SOLD},
            Nutrients.of(calories=1423 / 4.184, fat=7, sodium=480, iron=5),
        ),
        ("soup", {"aggregated_set": AS_SOLD, "input_sets": [PREPARED]}, Nutrients.of(calories=35, fat=0.7)),
        ("soup", {"aggregated_set": PREPARED}, Nutrients.of(calories=35, fat=0.7)),
        (
            "soup powder",
            {"aggregated_set": PREPARED, "input_sets": [None, AS_SOLD]},
            Nutrients.of(calories=1423 / 4.184, fat=7, sodium=480, iron=5),
        ),
    ],
)
async def test_the_newer_nutrition_object_is_read(
    database: OpenFoodFactsDatabase,
    server: FaultyServer,
    asked: str,
    nutrition: dict[str, object],
    expected: Nutrients,
) -> None:
    server.answer(json={"products": [{"code": "1", "product_name": "A soup", "nutrition": nutrition}]})
    (record,) = await database.search(asked)
    assert record.per_100g == expected


@pytest.mark.parametrize(
    "nutrition",
    [
        "x",
        {},
        {"aggregated_set": None, "input_sets": None},
        {"aggregated_set": nutrient_set("as_sold", "serving", fat=(1, "g"))},
        {"aggregated_set": {"preparation": "as_sold", "per": "100g", "nutrients": None}},
        {"aggregated_set": {"preparation": "as_sold", "per": "100g", "nutrients": {"fat": 7}}},
    ],
)
async def test_a_nutrition_object_without_values_is_no_record(
    database: OpenFoodFactsDatabase, server: FaultyServer, nutrition: object
) -> None:
    product = {"code": "1", "product_name": "A soup", "nutrition": nutrition}
    assert await found(database, server, product) == []


@pytest.mark.parametrize(
    ("more", "calories", "warned"),
    [
        ({"nutrition_data_per": "100ml"}, 120, True),
        ({"product_quantity_unit": "ml"}, 120, True),
        ({"serving_quantity_unit": "ml", "serving_size": "2 dl"}, 120, True),
        ({"serving_quantity_unit": "ml", "serving_size": "10 ml (12 g)"}, 100, False),
        ({"serving_quantity_unit": "ml", "serving_size": "1,5 cl = 18 g"}, 100, False),
        ({"serving_quantity_unit": "ml", "serving_size": "0 ml (12 g)"}, 120, True),
        ({"serving_quantity_unit": "ml", "serving_size": "10 ml (90 g)"}, 120, True),
        ({"serving_quantity_unit": "g", "serving_size": "10 ml (12 g)"}, 120, False),
    ],
)
async def test_values_per_100_ml_are_converted_or_said(
    database: OpenFoodFactsDatabase,
    server: FaultyServer,
    more: dict[str, object],
    calories: float,
    warned: bool,
) -> None:
    nutriments = {"energy-kcal_100g": 120, "carbohydrates_100g": 30, "calcium_100g": 0.12}
    (record,) = await found(
        database, server, {"code": "1", "product_name": "Syrup", "nutriments": nutriments} | more
    )
    assert (record.per_100g.calories, record.per_100g.calcium) == (calories, calories)
    assert [remark.code for remark in record.remarks] == [WarningCode.AMOUNT_UNCERTAIN] * warned


async def test_a_drink_per_100_ml_in_the_nutrition_object_is_said(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    nutrition = {"aggregated_set": nutrient_set("as_sold", "100ml", energy=(42, "kcal"))}
    (record,) = await found(database, server, {"code": "1", "product_name": "Cola", "nutrition": nutrition})
    assert [remark.code for remark in record.remarks] == [WarningCode.AMOUNT_UNCERTAIN]


async def test_the_category_tells_an_alcoholic_drink(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    drink = {
        "code": "1",
        "product_name": "Rouge de la maison",
        "categories_tags": ["en:wines", None],
        "nutriments": {"energy-kcal_100g": 83, "carbohydrates_100g": 2.6, "proteins_100g": 0, "fat_100g": 0},
    }
    (record,) = await found(database, server, drink)
    assert (record.per_100g.calories, record.remarks) == (83, ())


async def test_a_busy_service_is_not_taken_for_product_not_found(
    database: OpenFoodFactsDatabase, server: FaultyServer
) -> None:
    server.answer(503, body="<html>busy</html>", times=None)
    with pytest.raises(ServiceUnavailable):
        await database.search("a product")


async def test_it_is_a_nutrient_database(database: OpenFoodFactsDatabase) -> None:
    port: NutrientDatabase = database
    assert port.source is NutrientSource.OPENFOODFACTS
