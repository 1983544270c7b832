"""The client of FoodData Central: what it sends, and which numbers it reads."""

from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from adapters.service_errors import AnswerTooLarge, Misconfigured
from adapters.usda import UsdaDatabase
from ledger import (
    CarbohydrateBasis,
    FoodRecord,
    NutrientDatabase,
    Nutrients,
    NutrientSource,
    RateLimited,
    WarningCode,
)
from tests.adapters.services import quick_resilience
from tests.fault_server import FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    """It has no foods but those that a test answers with first."""
    with FaultyServer() as running:
        running.answer(json={"foods": []}, times=None)
        yield running


@pytest.fixture
async def usda(server: FaultyServer) -> AsyncIterator[UsdaDatabase]:
    database = UsdaDatabase(
        base_url=f"{server.base_url}/fdc/v1/", api_key="a-key", resilience=quick_resilience("USDA")
    )
    yield database
    await database.aclose()


def food(nutrients: dict[int, object], **more: object) -> dict[str, object]:
    rows = [
        {"nutrientId": number, "unitName": "G"} | ({} if value is None else {"value": value})
        for number, value in nutrients.items()
    ]
    return {"fdcId": 1, "description": "A food", "foodNutrients": rows} | more


async def nutrients_of(usda: UsdaDatabase, server: FaultyServer, known: dict[int, object]) -> Nutrients:
    server.answer(json={"foods": [food({1004: 1} | known)]})
    (record,) = await usda.search("a food")
    return record.per_100g


async def test_one_search_by_post_brings_the_food_with_its_nutrients(
    usda: UsdaDatabase, server: FaultyServer
) -> None:
    known = {1008: 61, 1003: 0.17, 1005: 14.8, 1004: 0.15, 1079: 2.1, 2000: 12.2, 1093: 0}
    known |= {
        1258: 0.03,
        1253: 0,
        1092: 104,
        1087: 6,
        1089: 0.1,
        1090: 5,
        1106: 3,
        1162: 4.6,
        1114: 0,
        1178: 0,
    }
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
            calories=61,
            protein=0.17,
            carbs=14.8,
            fat=0.15,
            fiber=2.1,
            sugar=12.2,
            sodium=0,
            saturated_fat=0.03,
            cholesterol=0,
            potassium=104,
            calcium=6,
            iron=0.1,
            magnesium=5,
            vitamin_a=3,
            vitamin_c=4.6,
            vitamin_d=0,
            vitamin_b12=0,
        ),
        carbohydrate=CarbohydrateBasis.WITH_FIBER,
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


async def test_brands_are_added_where_no_generic_food_has_every_word(
    usda: UsdaDatabase, server: FaultyServer
) -> None:
    server.answer(json={"foods": [food({1008: 379}, description="Oat cereal, ready-to-eat")]})
    server.answer(json={"foods": [food({1008: 359}, description="CHEERIOS CEREAL", dataType="Branded")]})
    records = await usda.search("cheerios cereal")
    assert [record.name for record in records] == ["Oat cereal, ready-to-eat", "CHEERIOS CEREAL"]


async def test_the_brand_goes_before_its_owner(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(
        json={
            "foods": [
                food({1008: 9}, brandName="CHEERIOS", brandOwner="A MILL"),
                food({1008: 9}, brandName=""),
            ]
        }
    )
    named, unnamed = await usda.search("cheerios")
    assert (named.brand, unnamed.brand) == ("CHEERIOS", None)


async def test_an_unknown_food_is_neither_record_nor_error(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(json={"foods": []}, times=2)
    assert await usda.search("gazorpazorp") == ()
    assert len(server.requests) == 2


async def test_a_404_of_the_search_is_never_food_not_found(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(404, times=None)
    with pytest.raises(Misconfigured):
        await usda.search("apple")


async def test_a_limit_is_not_taken_for_food_not_found(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(
        429, json={"error": {"code": "OVER_RATE_LIMIT"}}, headers={"Retry-After": "900"}, times=None
    )
    with pytest.raises(RateLimited):
        await usda.search("apple")


@pytest.mark.parametrize(
    ("known", "calories"),
    [
        ({1008: 100, 2048: 101, 2047: 102, 1062: 420}, 100),
        ({2048: 101, 2047: 102, 1062: 420}, 101),
        ({2047: 102, 1062: 420}, 102),
        ({1062: 418.4}, 100),
        ({1008: 0, 2047: 102}, 0),
        ({1008: None, 2047: 102}, 102),
        ({1008: "34.6"}, 34.6),
        ({1008: "much"}, None),
        ({1008: 34.6}, 34.6),
        ({1003: 1}, None),
    ],
)
async def test_energy_sources_have_an_order_and_zero_counts(
    usda: UsdaDatabase, server: FaultyServer, known: dict[int, object], calories: float | None
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
    usda: UsdaDatabase, server: FaultyServer, known: dict[int, object], name: str, value: float | None
) -> None:
    assert getattr(await nutrients_of(usda, server, known), name) == value


async def test_what_is_absent_is_unknown_and_never_zero(usda: UsdaDatabase, server: FaultyServer) -> None:
    found = await nutrients_of(usda, server, {1008: 52, 1003: None})
    assert (found.calories, found.protein, found.sodium, found.complete) == (52, None, None, False)


async def test_a_row_of_no_known_shape_is_passed_over(usda: UsdaDatabase, server: FaultyServer) -> None:
    rows = [
        None,
        "Energy",
        {"nutrientName": "Proximates"},
        {"nutrientId": None, "value": 3},
        {"nutrientId": True, "value": 3},
        {"nutrientId": "9" * 5_000, "value": 3},
        {"nutrientId": "1008", "value": "5"},
        {"nutrientId": 1008, "value": 7},
    ]
    server.answer(json={"foods": [{"fdcId": 1, "description": "A food", "foodNutrients": rows}]})
    (record,) = await usda.search("a food")
    assert record.per_100g == Nutrients.of(calories=5)


async def test_rows_without_an_id_are_read_by_their_numbers(usda: UsdaDatabase, server: FaultyServer) -> None:
    rows = [
        {"nutrientNumber": "208", "value": 52},
        {"nutrientNumber": 203, "value": 0.3},
        {"nutrientNumber": "205.2", "value": 13.8},
        {"nutrientNumber": "606", "value": 0.1},
        {"nutrientNumber": "999", "value": 7},
    ]
    server.answer(json={"foods": [{"fdcId": 1, "description": "A food", "foodNutrients": rows}]})
    (record,) = await usda.search("a food")
    assert record.per_100g == Nutrients.of(calories=52, protein=0.3, carbs=13.8, saturated_fat=0.1)


async def test_branded_rows_without_any_id_are_no_match(usda: UsdaDatabase, server: FaultyServer) -> None:
    """So that the next source is asked."""
    rows = [{"nutrientName": "Energy", "value": 250}, {"nutrientName": "Protein", "value": 7}]
    server.answer(json={"foods": []})
    server.answer(json={"foods": [{"fdcId": 1, "description": "A food", "foodNutrients": rows}]})
    assert await usda.search("a food") == ()


async def test_bad_records_are_skipped_and_counted_in_one_line(
    usda: UsdaDatabase, server: FaultyServer
) -> None:
    good = food({1008: 52}, fdcId="171688")
    bad: list[object] = [
        None,
        [],
        "a food",
        good | {"fdcId": None},
        good | {"fdcId": "many"},
        good | {"description": 7},
        good | {"foodNutrients": None},
        {key: value for key, value in good.items() if key != "description"},
    ]
    server.answer(json={"foods": [*bad, good]})
    with capture_logs() as logs:
        (record,) = await usda.search("a food")
    assert record.source_id == "171688"
    assert logs == [
        {"event": "records_skipped", "log_level": "warning", "service": "USDA", "skipped": 8, "records": 9}
    ]


async def test_energy_in_kilojoules_typed_as_kcal_is_mended(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(json={"foods": [food({1008: 2240, 1003: 7, 1005: 58, 1004: 31})]})
    (record,) = await usda.search("biscuit")
    assert record.per_100g.calories == pytest.approx(535, abs=1)
    (remark,) = record.remarks
    assert remark.code is WarningCode.NUTRIENTS_IMPLAUSIBLE
    assert "2240 kcal" in remark.message


async def test_the_alcohol_of_a_drink_counts_in_its_energy(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(json={"foods": [food({1008: 231, 1003: 0, 1005: 0, 1004: 0, 1018: 33.4})]})
    (record,) = await usda.search("vodka")
    assert (record.per_100g.calories, record.remarks) == (231, ())


@pytest.mark.parametrize(
    ("serving", "calories", "warned"),
    [
        ({"servingSize": 240, "servingSizeUnit": "MLT"}, 120, True),
        (
            {
                "servingSize": 240,
                "servingSizeUnit": "ml",
                "householdServingFullText": "1 cup (288 g)",
            },
            100,
            False,
        ),
        ({"servingSize": 30, "servingSizeUnit": "g"}, 120, False),
        ({}, 120, False),
    ],
)
async def test_a_branded_liquid_is_given_per_100_ml(
    usda: UsdaDatabase, server: FaultyServer, serving: dict[str, object], calories: float, warned: bool
) -> None:
    server.answer(json={"foods": []})
    server.answer(json={"foods": [food({1008: 120, 1005: 30}, dataType="Branded", **serving)]})
    (record,) = await usda.search("syrup")
    assert record.per_100g.calories == calories
    assert [remark.code for remark in record.remarks] == [WarningCode.AMOUNT_UNCERTAIN] * warned


async def test_the_newest_version_of_a_branded_food_stays(usda: UsdaDatabase, server: FaultyServer) -> None:
    older = food({1008: 380}, publishedDate="2019-04-01", brandOwner="A MILL", dataType="Branded")
    newer = food({1008: 460}, publishedDate="2025-04-01", brandOwner="A MILL", dataType="Branded", fdcId=2)
    server.answer(json={"foods": []})
    server.answer(json={"foods": [older, newer]})
    (record,) = await usda.search("a food")
    assert record.per_100g.calories == 460


async def test_an_answer_past_four_megabytes_is_refused(usda: UsdaDatabase, server: FaultyServer) -> None:
    server.answer(body=b'{"foods": []}'.ljust(4_000_001))
    with pytest.raises(AnswerTooLarge):
        await usda.search("apple")


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
    server.answer(json={"foods": [food({1008: 9})]})
    await usda.search(name)
    assert server.requests[0].json()["query"] == query


async def test_a_name_without_words_is_not_searched(usda: UsdaDatabase, server: FaultyServer) -> None:
    assert await usda.search(" (?) ") == ()
    assert server.requests == []


async def test_it_is_a_nutrient_database(usda: UsdaDatabase) -> None:
    database: NutrientDatabase = usda
    assert database.source is NutrientSource.USDA
