"""The client of FoodData Central: what it sends, and which numbers it reads."""

from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.usda import UsdaDatabase
from ledger import FoodRecord, NutrientDatabase, Nutrients, NutrientSource, RateLimited
from tests.adapters.services import quick_resilience
from tests.fault_server import FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def usda(server: FaultyServer) -> AsyncIterator[UsdaDatabase]:
    database = UsdaDatabase(
        base_url=f"{server.base_url}/fdc/v1/", api_key="a-key", resilience=quick_resilience("USDA")
    )
    yield database
    await database.aclose()


def food(nutrients: dict[int, float | None], **more: object) -> dict[str, object]:
    rows = [
        {"nutrientId": number, "unitName": "G"} | ({} if value is None else {"value": value})
        for number, value in nutrients.items()
    ]
    return {"fdcId": 1, "description": "A food", "foodNutrients": rows} | more


async def nutrients_of(usda: UsdaDatabase, server: FaultyServer, known: dict[int, float | None]) -> Nutrients:
    server.answer(json={"foods": [food(known)]})
    (record,) = await usda.search("a food")
    return record.per_100g


async def test_one_search_by_post_brings_the_food_with_its_nutrients(
    usda: UsdaDatabase, server: FaultyServer
) -> None:
    known = {1008: 61, 1003: 0.17, 1005: 14.8, 1004: 0.15, 1079: 2.1, 2000: 12.2, 1093: 0}
    server.answer(
        json={
            "totalHits": 1,
            "foods": [
                food(
                    dict(known),
                    fdcId=2709215,
                    description="Apple, raw",
                    dataType="Survey (FNDDS)",
                    publishedDate="2024-10-31",
                    score=812.5,
                )
            ],
        }
    )

    (record,) = await usda.search("apple")

    assert record == FoodRecord(
        source=NutrientSource.USDA,
        source_id="2709215",
        name="Apple, raw",
        data_type="Survey (FNDDS)",
        brand=None,
        published="2024-10-31",
        per_100g=Nutrients.of(
            calories=61, protein=0.17, carbs=14.8, fat=0.15, fiber=2.1, sugar=12.2, sodium=0
        ),
    )
    (request,) = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/fdc/v1/foods/search", ())
    assert request.headers["x-api-key"] == "a-key"
    assert request.json() == {
        "query": "apple",
        "dataType": ["Foundation", "SR Legacy", "Survey (FNDDS)"],
        "pageSize": 50,
    }


async def test_brands_are_searched_only_without_a_generic_food(
    usda: UsdaDatabase, server: FaultyServer
) -> None:
    server.answer(json={"foods": []})
    server.answer(
        json={"foods": [food({1008: 359}, description="CHEERIOS", dataType="Branded", brandOwner="A MILL")]}
    )

    (record,) = await usda.search("cheerios")

    assert (record.name, record.data_type, record.brand) == ("CHEERIOS", "Branded", "A MILL")
    assert [request.json()["dataType"] for request in server.requests][1] == ["Branded"]


async def test_the_brand_goes_before_its_owner(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(
        json={"foods": [food({}, brandName="CHEERIOS", brandOwner="A MILL"), food({}, brandName="")]}
    )
    named, unnamed = await usda.search("cheerios")
    assert (named.brand, unnamed.brand) == ("CHEERIOS", None)


async def test_an_unknown_food_is_neither_record_nor_error(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(json={"foods": []}, times=2)
    assert await usda.search("gazorpazorp") == ()
    server.answer(404, times=2)
    assert await usda.search("gazorpazorp") == ()
    assert len(server.requests) == 4


async def test_a_limit_is_not_taken_for_food_not_found(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(
        429, json={"error": {"code": "OVER_RATE_LIMIT"}}, headers={"Retry-After": "900"}, times=None
    )
    with pytest.raises(RateLimited):
        await usda.search("apple")


@pytest.mark.parametrize(
    ("known", "calories"),
    [
        ({1008: 100, 2048: 101, 2047: 102, 1062: 999}, 100),
        ({2048: 101, 2047: 102, 1062: 999}, 101),
        ({2047: 102, 1062: 999}, 102),
        ({1062: 418.4}, 100),
        ({1008: 0, 2047: 102}, 0),
        ({1008: None, 2047: 102}, 102),
        ({1008: 34.6}, 34.6),
        ({}, None),
    ],
)
async def test_energy_sources_have_an_order_and_zero_counts(
    usda: UsdaDatabase, server: FaultyServer, known: dict[int, float | None], calories: float | None
) -> None:
    assert (await nutrients_of(usda, server, known)).calories == calories


@pytest.mark.parametrize(
    ("known", "name", "value"),
    [
        ({2000: 10.4, 1063: 9}, "sugar", 10.4),
        ({1063: 9}, "sugar", 9),
        ({1079: 2.4, 2033: 3}, "fiber", 2.4),
        ({2033: 3}, "fiber", 3),
        ({1005: 13.8, 1050: 15}, "carbs", 13.8),
        ({1050: 15}, "carbs", 15),
        ({1093: 602}, "sodium", 602),
        ({1093: -1}, "sodium", None),
    ],
)
async def test_each_nutrient_is_read_from_its_ids(
    usda: UsdaDatabase, server: FaultyServer, known: dict[int, float | None], name: str, value: float | None
) -> None:
    assert getattr(await nutrients_of(usda, server, known), name) == value


async def test_what_is_absent_is_unknown_and_never_zero(usda: UsdaDatabase, server: FaultyServer) -> None:
    found = await nutrients_of(usda, server, {1008: 52, 1003: None})
    assert (found.calories, found.protein, found.sodium, found.complete) == (52, None, None, False)


async def test_a_row_of_no_known_shape_is_passed_over(usda: UsdaDatabase, server: FaultyServer) -> None:
    rows = [
        {"nutrientName": "Proximates"},
        {"nutrientId": None, "value": 3},
        {"nutrientId": 1008, "value": 5},
    ]
    server.answer(json={"foods": [{"fdcId": 1, "description": "A food", "foodNutrients": rows}]})
    (record,) = await usda.search("a food")
    assert record.per_100g == Nutrients.of(calories=5)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("chicken: breast", "chicken breast"),
        ('"egg" AND -whites', "egg AND whites"),
        ("fish & chips*?", "fish & chips"),
        ("half-and-half (50%)", "half-and-half 50%"),
        ("  jalapeño  pepper ", "jalapeño pepper"),
    ],
)
async def test_a_name_is_words_and_never_a_search_expression(
    usda: UsdaDatabase, server: FaultyServer, name: str, query: str
) -> None:
    server.answer(json={"foods": [food({})]})
    await usda.search(name)
    assert server.requests[0].json()["query"] == query


async def test_a_name_without_words_is_not_searched(usda: UsdaDatabase, server: FaultyServer) -> None:
    assert await usda.search(" (?) ") == ()
    assert server.requests == []


async def test_it_is_a_nutrient_database(usda: UsdaDatabase) -> None:
    database: NutrientDatabase = usda
    assert database.source is NutrientSource.USDA
