"""FoodData Central's protocol, as httpx sees it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ops.stand_ins.food_services import LocalFoodServices


@pytest.fixture
def fdc(food_services: LocalFoodServices) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=food_services.usda_base_url, headers={"X-Api-Key": "local"}) as client:
        yield client


def _search(fdc: httpx.Client, query: str, **more: object) -> dict[str, Any]:
    answer = fdc.post("/foods/search", json={"query": query, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _nutrients(food: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {row["nutrientId"]: row for row in food["foodNutrients"]}


def _by_id(found: dict[str, Any], fdc_id: int) -> dict[str, Any]:
    (food,) = (food for food in found["foods"] if food["fdcId"] == fdc_id)
    assert isinstance(food, dict)
    return food


def test_apple_also_finds_what_only_sounds_like_an_apple(fdc: httpx.Client) -> None:
    descriptions = [food["description"] for food in _search(fdc, "apple", pageSize=200)["foods"]]
    assert {"Rose-apples, raw", "Mammy-apple, (mamey), raw", "Pie, apple"} <= set(descriptions)

    raw = [food["description"] for food in _search(fdc, "raw apple", dataType=["SR Legacy"])["foods"]]
    assert raw.index("Rose-apples, raw") < raw.index("Apples, raw, red delicious, with skin")


def test_any_word_matches_and_more_words_come_first(fdc: httpx.Client) -> None:
    found = _search(fdc, "grilled chicken breasts")
    descriptions = [food["description"].lower() for food in found["foods"]]
    assert all(re.search("chicken|breast|grilled", text) for text in descriptions)
    assert re.search("chicken.*breast.*grilled", descriptions[0])
    scores = [food["score"] for food in found["foods"]]
    assert scores == sorted(scores, reverse=True)

    every = _search(fdc, "grilled chicken breasts", requireAllWords=True)
    assert 0 < every["totalHits"] < found["totalHits"]
    assert every["foods"] == found["foods"][: every["totalHits"]]


def test_a_common_name_is_searched_too(fdc: httpx.Client) -> None:
    (food,) = _search(fdc, "cassia", pageSize=1)["foods"]
    assert (food["description"], food["commonNames"]) == ("Spices, cinnamon, ground", "Cassia")
    assert (food["scientificName"], food["ndbNumber"]) == ("Cinnamomum aromaticum", 2010)


def test_data_types_filter_except_as_a_bare_text(fdc: httpx.Client) -> None:
    wanted = {"Foundation", "SR Legacy"}
    posted = _search(fdc, "egg", dataType=sorted(wanted))
    repeated = fdc.get(
        "/foods/search", params=[("query", "egg"), *(("dataType", name) for name in sorted(wanted))]
    )
    joined = fdc.get("/foods/search", params={"query": "egg", "dataType": ",".join(sorted(wanted))})

    assert {food["dataType"] for food in posted["foods"]} == {f"{name} (local table)" for name in wanted}
    assert posted == repeated.json() == joined.json()

    bare = fdc.post("/foods/search", json={"query": "egg", "dataType": "SR Legacy"})
    assert bare.status_code == 400
    assert bare.json().keys() == {"timestamp", "status", "error", "message", "path"}
    assert bare.json()["message"].startswith("Invalid request parameter or body")
    assert bare.json()["path"] == "/fdc/v1/foods/search"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "query is required"),
        ({"query": "  "}, "query is required"),
        ({"query": "egg", "pageSize": 0}, "pageSize must lie between 1 and 200"),
        ({"query": "egg", "pageSize": 201}, "pageSize must lie between 1 and 200"),
        ({"query": "egg", "pageNumber": "x"}, "pageNumber must be a whole number"),
        ({"query": "egg", "dataType": ["Generic"]}, "'Generic' is not a valid DataType"),
        ({"query": "egg", "sortBy": "fdcId"}, "the local table does not know sortBy"),
        ([], "the body is not a JSON object"),
    ],
)
def test_an_unreadable_search_is_refused_with_the_reason(
    fdc: httpx.Client, body: object, reason: str
) -> None:
    answer = fdc.post("/foods/search", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"] == f"Invalid request parameter or body: {reason}"


def test_a_body_that_is_not_json_is_refused(fdc: httpx.Client) -> None:
    assert fdc.post("/foods/search", content=b"query=egg").status_code == 400


def test_pages_cut_the_hits_and_count_them_all(fdc: httpx.Client) -> None:
    whole = _search(fdc, "turnip", pageSize=200)
    total = whole["totalHits"]
    pages = [_search(fdc, "turnip", pageSize=7, pageNumber=number) for number in range(1, -(-total // 7) + 1)]

    assert total == len(whole["foods"]) > 14
    assert [food for page in pages for food in page["foods"]] == whole["foods"]
    assert {page["totalPages"] for page in pages} == {len(pages)}
    assert _search(fdc, "turnip", pageSize=7, pageNumber=len(pages) + 1)["foods"] == []
    assert sum(whole["aggregations"]["dataType"].values()) == total

    raw = _search(fdc, "raw")
    assert (len(raw["foods"]), raw["totalHits"]) == (50, sum(raw["aggregations"]["dataType"].values()))


def test_nothing_found_is_an_empty_page_and_no_error(fdc: httpx.Client) -> None:
    found = _search(fdc, "xyzzy")
    assert (found["totalHits"], found["totalPages"], found["foods"]) == (0, 0, [])


def test_sr_legacy_rows_have_both_energies_and_sugars(fdc: httpx.Client) -> None:
    """Sugars have the number 2000."""
    rows = _nutrients(_by_id(_search(fdc, "avocado all commercial varieties"), 9_009_037))
    assert (rows[1008]["value"], rows[1008]["unitName"], rows[1008]["nutrientNumber"]) == (160, "KCAL", "208")
    assert (rows[1062]["value"], rows[1062]["unitName"]) == (669, "kJ")
    assert rows[1008]["nutrientName"] == rows[1062]["nutrientName"] == "Energy"
    assert (rows[2000]["value"], rows[2000]["nutrientNumber"]) == (0.66, "269")
    assert 1063 not in rows
    assert (rows[1093]["value"], rows[1093]["unitName"]) == (7, "MG")
    assert (rows[1092]["value"], rows[1162]["value"], rows[1106]["unitName"]) == (485, 10, "UG")


def test_rows_of_foundation_foods_have_atwater_energies_only(fdc: httpx.Client) -> None:
    foods = _search(fdc, "raw apple flour butter milk", dataType=["Foundation"], pageSize=200)["foods"]
    energies = [
        {key for key, row in _nutrients(food).items() if row["unitName"] in {"KCAL", "kJ"}} for food in foods
    ]
    assert {2047, 2048} in energies
    assert {2047} in energies  # the table has none: what its macronutrients give
    assert not any(found & {1008, 1062} for found in energies)
    fuji = next(food for food in foods if food["description"] == "Apples, fuji, with skin, raw")
    assert (_nutrients(fuji)[2047]["value"], _nutrients(fuji)[2048]["value"]) == (65, 65)
    assert 1063 in _nutrients(fuji)


def test_one_food_has_its_energy_in_kj_only(fdc: httpx.Client) -> None:
    (food, *_) = _search(fdc, "knusprig crispbread", dataType=["Branded"])["foods"]
    rows = _nutrients(food)
    assert rows[1062]["value"] == 1531
    assert not {1008, 2047, 2048} & set(rows)
    assert food["brandOwner"] == "Local Sample Foods"


def test_an_unknown_amount_has_no_value_and_zero_has(fdc: httpx.Client) -> None:
    rose_apple = _nutrients(_by_id(_search(fdc, "rose-apples raw"), 9_009_312))
    assert "value" not in rose_apple[1079]
    assert rose_apple[1093]["value"] == 0

    cheerios = _by_id(_search(fdc, "cheerios", dataType=["Branded"]), 2517161)
    assert _nutrients(cheerios).keys() == {1008}
    assert (cheerios["dataType"], cheerios["servingSize"], cheerios["servingSizeUnit"]) == (
        "Branded (local table)",
        20,
        "g",
    )
    assert "publishedDate" not in cheerios


def test_a_food_of_no_energy_is_found_with_zero(fdc: httpx.Client) -> None:
    water = _search(fdc, "beverages, water, tap, drinking")["foods"][0]
    assert _nutrients(water)[1008]["value"] == 0


def test_a_food_in_full(fdc: httpx.Client) -> None:
    egg = fdc.get("/food/9001123").json()
    rows = {row["nutrient"]["id"]: row for row in egg["foodNutrients"]}
    assert (egg["description"], egg["dataType"], egg["ndbNumber"]) == (
        "Egg, whole, raw, fresh",
        "SR Legacy (local table)",
        1123,
    )
    assert (rows[1008]["amount"], rows[1008]["nutrient"]["unitName"]) == (143, "kcal")
    assert rows[1008]["id"] != 1008

    assert (
        "amount"
        not in {row["nutrient"]["id"]: row for row in fdc.get("/food/9009312").json()["foodNutrients"]}[1079]
    )
    assert fdc.get("/food/2517161").json()["labelNutrients"] == {"calories": {"value": 71.8}}


def test_a_food_abridged(fdc: httpx.Client) -> None:
    egg = fdc.get("/food/9001123", params={"format": "abridged"}).json()
    assert {"number": "208", "name": "Energy", "amount": 143, "unitName": "KCAL"} in egg["foodNutrients"]


def test_a_missing_food_is_404_and_no_number_is_400(fdc: httpx.Client) -> None:
    assert fdc.get("/food/1").status_code == 404
    assert fdc.get("/food/1").json()["status"] == 404
    assert fdc.get("/food/egg").status_code == 400


def test_a_request_without_key_is_refused_like_the_gateway(food_services: LocalFoodServices) -> None:
    with httpx.Client(base_url=food_services.usda_base_url) as client:
        answers = [client.get("/food/9001123"), client.post("/foods/search", json={"query": "egg"})]
        by_query = client.post("/foods/search", params={"api_key": "local"}, json={"query": "egg"})
        got = client.get("/foods/search", params={"api_key": "local", "query": "egg"})
    assert [answer.status_code for answer in answers] == [403, 403]
    assert {answer.json()["error"]["code"] for answer in answers} == {"API_KEY_MISSING"}
    assert by_query.json() == got.json()


def test_every_answer_of_the_service_carries_the_allowance(fdc: httpx.Client) -> None:
    for answer in (
        fdc.get("/food/9001123"),
        fdc.get("/food/1"),
        fdc.get("/foods/search", params={"query": "egg"}),
    ):
        assert (
            int(answer.headers["x-ratelimit-remaining"]) <= int(answer.headers["x-ratelimit-limit"]) == 1000
        )


def test_a_number_of_ours_says_that_it_is_ours(fdc: httpx.Client) -> None:
    foods = _search(fdc, "cheerios", pageSize=200)["foods"]
    assert {food["fdcId"] >= 9_000_001 for food in foods} == {True, False}
    for food in foods:
        assert bool(food["foodAttributes"]) == (food["fdcId"] >= 9_000_001)
