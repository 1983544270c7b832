"""The production clients against the local food services, from the photo to the nutrients."""

from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.food_prompt import PROMPT_VERSION
from adapters.openai_model import OpenAIModel
from adapters.openai_recognizer import OpenAIRecognizer
from adapters.openfoodfacts import OpenFoodFactsDatabase
from adapters.usda import UsdaDatabase
from ledger import CarbohydrateBasis, FoodState, PhotoNotAccessible, RecognizedFood
from ledger.food_matching import best_match
from ops.stand_ins.food_services import LocalFoodServices
from tests.adapters.services import quick_resilience


@pytest.fixture(scope="module")
def services() -> Iterator[LocalFoodServices]:
    with LocalFoodServices() as running:
        yield running


@pytest.fixture
async def recognizer(services: LocalFoodServices) -> AsyncIterator[OpenAIRecognizer]:
    model = OpenAIModel(
        base_url=services.openai_base_url, api_key="local", model="any", resilience=quick_resilience()
    )
    client = OpenAIRecognizer(model)
    yield client
    await client.aclose()


@pytest.fixture
async def usda(services: LocalFoodServices) -> AsyncIterator[UsdaDatabase]:
    client = UsdaDatabase(base_url=services.usda_base_url, api_key="local", resilience=quick_resilience())
    yield client
    await client.aclose()


@pytest.fixture
async def products(services: LocalFoodServices) -> AsyncIterator[OpenFoodFactsDatabase]:
    client = OpenFoodFactsDatabase(
        search_url=services.openfoodfacts_search_url, resilience=quick_resilience(), version="0"
    )
    yield client
    await client.aclose()


def food(name: str, state: FoodState | None) -> RecognizedFood:
    return RecognizedFood(name=name, grams=100.0, state=state, confidence=1.0)


async def test_the_foods_of_a_hint_are_recognised(recognizer: OpenAIRecognizer) -> None:
    recognition = await recognizer.recognize(
        photo_url="https://example.com/test.jpg", dish_hint="two boiled eggs and an apple", user_id="alice"
    )
    assert [one.name for one in recognition.foods] == ["boiled egg", "apple"]
    assert recognition.run.prompt_version == PROMPT_VERSION
    assert "local" in recognition.run.model
    assert recognition.run.tokens.input is not None
    assert recognition.run.cost is None


async def test_a_photo_that_does_not_exist_is_told_apart(recognizer: OpenAIRecognizer) -> None:
    with pytest.raises(PhotoNotAccessible):
        await recognizer.recognize(photo_url="https://host.invalid/x.jpg", dish_hint=None, user_id="alice")


COOKED, RAW = FoodState.COOKED, FoodState.RAW


@pytest.mark.parametrize(
    ("name", "state", "described", "calories"),
    [
        ("rose apple", RAW, "rose-apple", 25),
        ("egg", RAW, "egg, whole, raw", 143),
        ("white rice", COOKED, "rice, white", 130),
        ("olive oil", None, "oil", 884),
        ("brewed coffee", None, "coffee, brewed", 1),
        ("tap water", None, "water, tap", 0),
        ("french bread", None, "bread, french or vienna", 272),
        ("knusprig", None, "knusprig, rye crispbread", 366),  # its energy is in kJ only
    ],
)
async def test_a_food_is_found_in_the_local_table(
    usda: UsdaDatabase, name: str, state: FoodState | None, described: str, calories: float
) -> None:
    match = best_match(food(name, state), await usda.search(name))
    assert match is not None
    assert described in match.record.name.lower()
    assert match.record.per_100g.calories == pytest.approx(calories, rel=0.03, abs=1)


async def test_atwater_energy_is_read_from_the_local_table(usda: UsdaDatabase) -> None:
    records = {record.name: record for record in await usda.search("apples fuji with skin raw")}
    assert records["Apples, fuji, with skin, raw"].per_100g.calories == 65


async def test_optional_nutrients_come_from_the_local_table(usda: UsdaDatabase) -> None:
    records = {record.name: record for record in await usda.search("butter salted")}
    butter = records["Butter, salted"].per_100g
    assert (butter.saturated_fat, butter.cholesterol, butter.vitamin_a) == (51.368, 215, 684)


async def test_a_packaged_food_is_found_among_the_products(
    usda: UsdaDatabase, products: OpenFoodFactsDatabase
) -> None:
    """USDA lacks it."""
    asked = food("nutella", None)
    assert best_match(asked, await usda.search("nutella")) is None
    match = best_match(asked, await products.search("nutella"))
    assert match is not None
    assert (match.record.source_id, match.record.per_100g.calories) == ("3017620422003", 539)
    assert match.record.per_100g.sodium == 42.8


async def test_prepared_values_are_used_unless_the_powder_is_asked_for(
    products: OpenFoodFactsDatabase,
) -> None:
    (record,) = await products.search("instant miso soup")
    assert (record.name, record.carbohydrate) == ("Instant miso soup", CarbohydrateBasis.WITHOUT_FIBER)
    assert await products.search("instant miso soup powder") == ()
