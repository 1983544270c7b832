"""The choice among records by a model, against real HTTP and the local model."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.choice_prompt import CHOICE_TASK
from adapters.openai_chooser import OpenAIChooser
from adapters.openai_model import OpenAIModel
from adapters.service_errors import UnusableAnswer
from ledger import (
    FoodChoice,
    FoodChooser,
    FoodRecord,
    FoodState,
    Nutrients,
    NutrientSource,
    ServiceUnavailable,
)
from ops.stand_ins.food_services import LocalFoodServices
from tests.adapters.services import quick_resilience
from tests.adapters.vision_model import KEY, USER, said
from tests.fault_server import FaultyServer


def record(name: str, calories: float | None = None, brand: str | None = None) -> FoodRecord:
    return FoodRecord(
        source=NutrientSource.USDA,
        source_id=name,
        name=name,
        data_type=None,
        brand=brand,
        published=None,
        per_100g=Nutrients.of(calories=calories),
    )


EGG = FoodChoice(
    name="boiled egg",
    state=FoodState.COOKED,
    candidates=(
        record("Eggplant, cooked", 35),
        record("Egg, whole, boiled", 155),
        record("Egg", brand="Farm"),
    ),
)
MILK = FoodChoice(name="2% milk", state=None, candidates=(record("Milk, whole"), record("Milk, 2% fat")))
STICKS = FoodChoice(name="chopsticks", state=None, candidates=(record("Fish sticks"),))
FOODS = (EGG, MILK, STICKS)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def chooser(server: FaultyServer) -> AsyncIterator[OpenAIChooser]:
    model = OpenAIModel(
        base_url=f"{server.base_url}/v1", api_key=KEY, model="text-1", resilience=quick_resilience()
    )
    made = OpenAIChooser(model)
    yield made
    await made.aclose()


async def choose(chooser: FoodChooser, server: FaultyServer, answer: object) -> tuple[int | None, ...]:
    server.answer(json=said(answer if isinstance(answer, str) else json.dumps(answer)))
    return (await chooser.choose(foods=FOODS, user_id=USER)).chosen


async def test_one_call_chooses_for_all_foods(chooser: OpenAIChooser, server: FaultyServer) -> None:
    choices = [{"food": 1, "candidate": 2}, {"food": 2, "candidate": 2}, {"food": 3, "candidate": None}]
    server.answer(json=said(json.dumps({"choices": choices})))
    outcome = await chooser.choose(foods=FOODS, user_id=USER)
    assert outcome.chosen == (1, 1, None)
    assert outcome.run.model == "vision-1-2026-10-02"
    assert outcome.run.prompt_version == CHOICE_TASK.version
    assert outcome.run.tokens.input == 1000
    assert outcome.duration_ms >= 0


async def test_the_question_is_one_line_of_numbered_names(
    chooser: OpenAIChooser, server: FaultyServer
) -> None:
    await choose(chooser, server, {"choices": []})
    (request,) = server.requests
    sent = request.json()
    assert sent["instructions"] == CHOICE_TASK.instructions
    assert sent["text"]["format"] == {
        "type": "json_schema",
        "name": "food_choices",
        "schema": CHOICE_TASK.schema,
        "strict": True,
    }
    ((question,),) = (one["content"] for one in sent["input"])
    assert question["type"] == "input_text"
    assert "\n" not in question["text"]
    egg, milk, _ = json.loads(question["text"])["foods"]
    assert egg == {
        "number": 1,
        "name": "boiled egg",
        "state": "COOKED",
        "candidates": [
            {"number": 1, "name": "Eggplant, cooked", "kcal": 35},
            {"number": 2, "name": "Egg, whole, boiled", "kcal": 155},
            {"number": 3, "name": "Egg, Farm", "kcal": None},
        ],
    }
    assert (milk["number"], milk["state"]) == (2, None)


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ({"choices": []}, (None, None, None)),
        ('```json\n{"choices": [{"food": "1", "candidate": "3"}]}\n```', (2, None, None)),
        ({"choices": [{"food": 2, "candidate": 3}, {"food": 3, "candidate": 0}]}, (None, None, None)),
        ({"choices": [{"food": 2, "candidate": "none"}, None, {"food": 9, "candidate": 1}]}, (None,) * 3),
        ('{"choices": [{"food": 2, "candidate": 1}, {"food": 1, "candidate": 1e999}]}', (None, 0, None)),
    ],
)
async def test_what_is_no_choice_is_none(
    chooser: OpenAIChooser, server: FaultyServer, answer: object, chosen: tuple[int | None, ...]
) -> None:
    assert await choose(chooser, server, answer) == chosen


@pytest.mark.parametrize("answer", ["The second one.", '{"choices": 7}', "[1, 2]"])
async def test_an_answer_without_choices_cannot_be_used(
    chooser: OpenAIChooser, server: FaultyServer, answer: str
) -> None:
    server.answer(json=said(answer), times=None)
    with pytest.raises(UnusableAnswer):
        await chooser.choose(foods=FOODS, user_id=USER)
    assert len(server.requests) == 2


async def test_a_service_that_is_down_is_unavailable(chooser: OpenAIChooser, server: FaultyServer) -> None:
    server.answer(503, times=None)
    with pytest.raises(ServiceUnavailable):
        await chooser.choose(foods=FOODS, user_id=USER)


async def test_the_local_model_chooses_by_shared_words() -> None:
    with LocalFoodServices() as services:
        model = OpenAIModel(
            base_url=services.openai_base_url, api_key="local", model="any", resilience=quick_resilience()
        )
        chooser = OpenAIChooser(model)
        outcome = await chooser.choose(foods=(EGG, MILK), user_id=USER)
        await chooser.aclose()
    assert outcome.chosen == (1, 1)
    assert "local" in outcome.run.model
