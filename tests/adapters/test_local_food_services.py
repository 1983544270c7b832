"""The production clients against the local food services, from the photo to the nutrients."""

from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.food_prompt import PROMPT_VERSION
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
    client = OpenAIRecognizer(
        base_url=services.openai_base_url, api_key="local", model="any", resilience=quick_resilience()
    )
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
    ("name", "state", "record", "calories"),
    [
        ("apple", RAW, "Apple", None),
        ("rose apple", RAW, "Rose-apples, raw", 25),
        ("egg", RAW, "Egg, whole, raw, fresh", 143),
        ("chicken breast", COOKED, "Chicken, broilers or fryers, breast, meat only, cooked, roasted", 165),
        ("white rice", COOKED, "Rice, white, long-grain, regular", 130),
        ("pasta", COOKED, "Pasta, cooked", None),
        ("olive oil", None, "Oil, olive, salad or cooking", 884),
        ("brewed coffee", None, "Beverages, coffee, brewed", None),
        ("tap water", None, "Beverages, water, tap", 0),
        ("french bread", None, "Bread, french or vienna", 272),
        ("cheerios", None, "CHEERIOS", 359),
    ],
)
async def test_a_food_is_found_in_the_local_table(
    usda: UsdaDatabase, name: str, state: FoodState | None, record: str, calories: float | None
) -> None:
    match = best_match(food(name, state), await usda.search(name))
    assert match is not None
    assert match.record.name.startswith(record)
    assert match.record.per_100g.calories is not None
    assert calories is None or match.record.per_100g.calories == calories


async def test_atwater_energy_is_read_from_the_local_table(usda: UsdaDatabase) -> None:
    records = {record.source_id: record for record in await usda.search("eggs grade a large egg whole")}
    assert records["748967"].per_100g.calories == 148


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
