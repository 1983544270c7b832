"""OpenFoodFacts' protocol, as httpx sees it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ops.stand_ins.food_services import LocalFoodServices
from ops.stand_ins.openfoodfacts_service import normalized_code


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as opened:
        yield opened


@pytest.fixture
def base(food_services: LocalFoodServices) -> str:
    return food_services.openfoodfacts_base_url


def _nutriments(client: httpx.Client, base: str, code: str) -> dict[str, Any]:
    answer = client.get(f"{base}/api/v2/product/{code}").json()
    found: dict[str, Any] = answer["product"]["nutriments"]
    return found


def _search(client: httpx.Client, services: LocalFoodServices, terms: str, **more: str) -> dict[str, Any]:
    parameters = {"search_terms": terms, "json": "1", **more}
    answer = client.get(services.openfoodfacts_search_url, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_product_is_read_by_its_code(client: httpx.Client, base: str) -> None:
    answer = client.get(f"{base}/api/v2/product/3017620422003")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["status_verbose"]) == (1, "product found")
    assert answer.json()["product"]["product_name"] == "Nutella"
    assert answer.json()["product"]["serving_quantity"] == 15
    assert client.get(f"{base}/api/v2/product/3017620422003.json").json() == answer.json()


def test_a_missing_product_is_404_with_status_0(client: httpx.Client, base: str) -> None:
    answer = client.get(f"{base}/api/v2/product/4006381333931")
    assert answer.status_code == 404
    assert answer.json() == {"code": "4006381333931", "status": 0, "status_verbose": "product not found"}


@pytest.mark.parametrize("code", ["400000000015", "0400000000015", "000400000000015"])
def test_leading_zeros_do_not_matter(client: httpx.Client, base: str, code: str) -> None:
    answer = client.get(f"{base}/api/v2/product/{code}").json()
    assert (answer["code"], answer["product"]["product_name"]) == ("0400000000015", "Kombucha, ginger")


@pytest.mark.parametrize(
    ("code", "normal"),
    [
        ("1234567", "01234567"),
        ("0000012345678", "12345678"),
        ("123456789", "0000123456789"),
        ("36000291452", "0036000291452"),
        ("3017620422003", "3017620422003"),
        ("12345678901234", "12345678901234"),
        ("abc", "abc"),
    ],
)
def test_codes_are_normalised(code: str, normal: str) -> None:
    assert normalized_code(code) == normal


def test_only_asked_fields_are_answered(client: httpx.Client, base: str) -> None:
    fields = "code,product_name,nutriments.sodium_100g,nutriments.salt_100g,generic_name,nutriments.zinc_100g"
    answer = client.get(f"{base}/api/v2/product/3017620422003", params={"fields": fields}).json()
    assert answer["product"] == {
        "code": "3017620422003",
        "product_name": "Nutella",
        "nutriments": {"sodium_100g": 0.0428, "salt_100g": 0.107},
    }


def test_masses_are_in_grams_despite_the_label_unit(client: httpx.Client, base: str) -> None:
    found = _nutriments(client, base, "3017620422003")
    assert (found["sodium_100g"], found["sodium_value"], found["sodium_unit"]) == (0.0428, 42.8, "mg")
    assert (found["energy-kcal_100g"], found["energy_100g"], found["energy_unit"]) == (539, 2255, "kcal")
    assert "fiber_100g" not in found


def test_a_product_may_have_its_energy_in_kj_only(client: httpx.Client, base: str) -> None:
    found = _nutriments(client, base, "2000000000053")
    assert found["energy_100g"] == found["energy-kj_100g"] == 322
    assert not [key for key in found if "kcal" in key]


def test_numbers_may_be_texts(client: httpx.Client, base: str) -> None:
    found = _nutriments(client, base, "2000000000077")
    assert (found["proteins_100g"], found["energy-kcal_100g"]) == ("19.0", "510.0")


def test_values_may_be_those_of_the_prepared_food_only(client: httpx.Client, base: str) -> None:
    found = _nutriments(client, base, "2000000000114")
    assert found["energy-kcal_prepared_100g"] == 14
    assert "energy-kcal_100g" not in found


def test_nutriments_may_be_missing_altogether(client: httpx.Client, base: str) -> None:
    product = client.get(f"{base}/api/v2/product/2000000000176").json()["product"]
    assert "nutriments" not in product
    assert "serving_size" not in product


def test_a_search_finds_products_that_have_every_word(
    client: httpx.Client, food_services: LocalFoodServices
) -> None:
    found = _search(client, food_services, "rice cake", fields="code,product_name")
    assert found["products"] == [{"code": "2000000000060", "product_name": "Rice cakes, dark chocolate"}]
    assert (found["count"], found["page"], found["page_count"]) == (1, 1, 1)
    assert _search(client, food_services, "FERRERO nutella")["products"][0]["code"] == "3017620422003"
    assert _search(client, food_services, "rice nutella")["products"] == []
    assert _search(client, food_services, "")["products"] == []


def test_a_search_has_pages(client: httpx.Client, food_services: LocalFoodServices) -> None:
    whole = _search(client, food_services, "local sample", page_size="100")
    pages = [_search(client, food_services, "local sample", page_size="5", page=str(n)) for n in range(1, 6)]
    assert whole["count"] == len(whole["products"]) == 18
    assert [product for page in pages for product in page["products"]] == whole["products"]
    assert [page["page_count"] for page in pages] == [5, 5, 5, 3, 0]


@pytest.mark.parametrize(
    "parameters",
    [{}, {"json": "1", "page_size": "0"}, {"json": "1", "page": "x"}, {"json": "1", "page_size": "101"}],
)
def test_a_search_that_cannot_be_read_is_400(
    client: httpx.Client, food_services: LocalFoodServices, parameters: dict[str, str]
) -> None:
    answer = client.get(food_services.openfoodfacts_search_url, params={"search_terms": "skyr", **parameters})
    assert answer.status_code == 400
    assert answer.json()["error"]
