"""OpenAI's protocol, as the real SDK sees it."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

import httpx
import openai
import pytest
from openai.types.responses import ResponseInputParam
from pydantic import BaseModel

from ops.stand_ins.food_services import LocalFoodServices
from ops.stand_ins.model_service import LOCAL_MODEL


class _Food(BaseModel):
    name: str
    grams: float
    state: Literal["RAW", "COOKED"] | None
    confidence: float


class _Plate(BaseModel):
    dish_name: str | None
    foods: list[_Food]


class _Kitchen(Enum):
    RAW = "raw"
    COOKED = "cooked"


class _LowerFood(_Food):
    state: _Kitchen | None  # type: ignore[assignment] # another spelling of the same schema


class _LowerPlate(BaseModel):
    dish_name: str | None
    foods: list[_LowerFood]


class _Caption(BaseModel):
    caption: str


_PHOTO = "https://example.com/test.jpg"
_TEST = [("chicken breast", 150), ("white rice", 160), ("broccoli", 90)]


@pytest.fixture
def client(food_services: LocalFoodServices) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=food_services.openai_base_url, api_key="local", max_retries=0) as opened:
        yield opened


def _input(hint: str | None = None, photo: str = _PHOTO) -> ResponseInputParam:
    return [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is on it?\n" + json.dumps({"dish_hint": hint})},
                {"type": "input_image", "image_url": photo, "detail": "low"},
            ],
        }
    ]


def _recognize(client: openai.OpenAI, hint: str | None = None, photo: str = _PHOTO) -> _Plate:
    response = client.responses.parse(
        model="gpt-x",
        instructions='Name the foods. {"dish_hint": "pizza"} would be one, soup another.',
        input=_input(hint, photo),
        text_format=_Plate,
        store=False,
    )
    assert response.output_parsed is not None
    return response.output_parsed


def _named(plate: _Plate) -> list[tuple[str, float]]:
    return [(food.name, food.grams) for food in plate.foods]


def test_the_answer_names_the_local_model_and_estimates_its_tokens(client: openai.OpenAI) -> None:
    response = client.responses.parse(model="gpt-x", input=_input("2 eggs"), text_format=_Plate)
    longer = client.responses.parse(
        model="gpt-x", instructions="x" * 4000, input=_input("2 eggs"), text_format=_Plate
    )

    assert response.model == LOCAL_MODEL == "meal-ledger-local-sample"
    assert (response.status, response.error, response.incomplete_details) == ("completed", None, None)
    assert response.usage is not None
    assert longer.usage is not None
    assert response.usage.output_tokens == -(-len(response.output_text) // 4)
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert longer.usage.input_tokens == response.usage.input_tokens + 1000
    assert response.usage.input_tokens_details.cached_tokens == 0
    assert response._request_id is not None


def test_the_hint_decides(client: openai.OpenAI) -> None:
    plate = _recognize(client, "2 eggs and 40 g toast", "https://example.com/pizza.jpg")
    assert plate.dish_name == "2 eggs and 40 g toast"
    assert [food.model_dump() for food in plate.foods] == [
        {"name": "egg", "grams": 100, "state": None, "confidence": 0.95},
        {"name": "white bread", "grams": 40, "state": None, "confidence": 0.95},
    ]


@pytest.mark.parametrize(
    ("hint", "food"),
    [
        ("aubergine parmigiana", ("aubergine parmigiana", 150)),
        ("250 ml 2% milk", ("2% milk", 250)),
        ("black coffee", ("brewed coffee", 237)),
        ("chicken tikka masala", ("chicken tikka masala", 150)),
        ("xyzzy", ("xyzzy", 150)),
    ],
)
def test_whatever_food_a_person_types_is_seen(
    client: openai.OpenAI, hint: str, food: tuple[str, float]
) -> None:
    assert _named(_recognize(client, hint)) == [food]


@pytest.mark.parametrize("hint", [None, "", "12", "lunch"])
@pytest.mark.parametrize(
    "photo",
    [
        "https://example.com/2026/chicken-and-rice_3.jpg?size=2&x=apple.jpg",
        "https://example.com/soup/Chicken%20Rice.JPEG",
    ],
)
def test_without_a_telling_hint_the_file_name_decides(
    client: openai.OpenAI, hint: str | None, photo: str
) -> None:
    assert _named(_recognize(client, hint, photo)) == [("chicken breast", 150), ("white rice", 160)]


def test_digits_of_a_file_name_are_no_amounts(client: openai.OpenAI) -> None:
    assert _named(_recognize(client, photo="https://example.com/500g-rice-3-eggs.jpg")) == [
        ("white rice", 160),
        ("egg", 100),
    ]


@pytest.mark.parametrize("photo", [_PHOTO, "https://example.com/", "data:image/jpeg;base64,cGl6emE="])
def test_otherwise_it_is_the_sample_plate_and_says_so(client: openai.OpenAI, photo: str) -> None:
    plate = _recognize(client, photo=photo)
    assert _named(plate) == _TEST
    assert plate.dish_name == "Sample plate of the local environment"


@pytest.mark.parametrize(
    ("hint", "photo"),
    [
        ("no food", "https://example.com/pizza.jpg"),
        (None, "https://example.com/empty-plate.jpg"),
        ("an empty plate", _PHOTO),
    ],
)
def test_an_empty_plate_has_no_foods(client: openai.OpenAI, hint: str | None, photo: str) -> None:
    assert _recognize(client, hint, photo) == _Plate(dish_name=None, foods=[])


def test_chat_completions_answer_the_same(client: openai.OpenAI) -> None:
    completion = client.chat.completions.parse(
        model="gpt-x",
        messages=[
            {"role": "system", "content": "pizza"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": '{"dish_hint": "grilled salmon"}'},
                    {"type": "image_url", "image_url": {"url": _PHOTO}},
                ],
            },
        ],
        response_format=_Plate,
    )
    assert completion.choices[0].message.parsed == _recognize(client, "grilled salmon")
    assert (completion.model, completion.choices[0].finish_reason) == (LOCAL_MODEL, "stop")
    assert completion.usage is not None
    assert (
        completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    )


def test_states_are_spelt_as_the_schema_spells_them(client: openai.OpenAI) -> None:
    response = client.responses.parse(
        model="gpt-x", input=_input("raw salmon, boiled egg, coffee"), text_format=_LowerPlate
    )
    assert response.output_parsed is not None
    assert [food.state for food in response.output_parsed.foods] == [_Kitchen.RAW, _Kitchen.COOKED, None]


def test_another_schema_is_refused_with_what_differs(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.parse(model="gpt-x", input=_input(), text_format=_Caption)
    assert (refused.value.code, refused.value.param) == ("invalid_json_schema", "text.format.schema")
    assert "the local model fills dish_name, foods only; the schema has caption" in str(refused.value)


@pytest.mark.parametrize(
    "photo", ["https://photos.invalid/pizza.jpg", "ftp://example.com/a.jpg", "pizza.jpg"]
)
def test_an_image_that_no_one_could_load_is_refused(client: openai.OpenAI, photo: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        _recognize(client, "pizza", photo)
    assert refused.value.code == "invalid_image_url"


def test_without_a_schema_there_is_no_answer(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="json_schema format only"):
        client.responses.create(model="gpt-x", input="What is on it?")
    with pytest.raises(openai.BadRequestError, match="json_schema format only"):
        client.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": "?"}])


def test_a_stream_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not stream"):
        client.responses.create(model="gpt-x", input="?", stream=True)


_SCHEMA: dict[str, Any] = {
    "properties": {
        "dish_name": {"type": "string"},
        "foods": {
            "type": "array",
            "items": {"properties": {"name": {}, "grams": {}, "state": {"type": "string"}, "confidence": {}}},
        },
    }
}


def _post(services: LocalFoodServices, path: str, content: object) -> httpx.Response:
    return httpx.post(
        f"{services.openai_base_url}{path}", json=content, headers={"Authorization": "Bearer local"}
    )


def _format(schema: object) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_schema", "name": "plate", "schema": schema}}}


def test_a_plain_schema_without_an_enum_is_filled_too(food_services: LocalFoodServices) -> None:
    asked = {"model": "m", "input": '{"dish_hint": "raw salmon"}'} | _format(_SCHEMA)
    answer = _post(food_services, "/responses", asked).json()
    (food,) = json.loads(answer["output"][0]["content"][0]["text"])["foods"]
    assert food == {"name": "salmon", "grams": 150, "state": "RAW", "confidence": 0.95}


def test_a_choice_is_made_by_shared_words(food_services: LocalFoodServices) -> None:
    """The shorter of two names that share as many; none where nothing is shared."""
    foods = [
        {"number": 1, "name": "apple", "candidates": _numbered("Pear", "Apples, dried", "Apples", "Apples")},
        {"number": 2, "name": "chopsticks", "candidates": _numbered("Pear")},
        {"number": 3, "name": "pear", "candidates": None},
        "pear",
    ]
    asked = {"model": "m", "input": "Choose.\n" + json.dumps({"foods": foods})}
    answer = _post(
        food_services, "/responses", asked | _format({"properties": {"choices": {"type": "array"}}})
    )
    assert json.loads(answer.json()["output"][0]["content"][0]["text"])["choices"] == [
        {"food": 1, "candidate": 3},
        {"food": 2, "candidate": None},
        {"food": 3, "candidate": None},
    ]


def _numbered(*names: str) -> list[dict[str, object]]:
    return [{"number": number, "name": name} for number, name in enumerate(names, 1)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": None}, "you must provide a model parameter"),
        ({"input": 7}, "input must be an array of messages"),
        ({"input": [{"role": "assistant", "content": "pizza"}]}, "the user says nothing"),
        (_format("pizza"), "the schema is not an object"),
        (_format({"$ref": "#/$defs/Plate"}), "properties of the schema is not an object"),
        (_format({"properties": {"dish_name": {}, "foods": {"type": "object"}}}), "foods must be an array"),
        (
            _format({"properties": {"dish_name": {}, "foods": {"$ref": "#/$defs/Foods"}}}),
            "$defs is not an object",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(
    food_services: LocalFoodServices, change: dict[str, object], reason: str
) -> None:
    asked = {"model": "m", "input": "x"} | _format(_SCHEMA) | change
    answer = _post(food_services, "/responses", asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert reason in answer.json()["error"]["message"]


def test_chat_without_the_schema_itself_is_refused(food_services: LocalFoodServices) -> None:
    asked = {"model": "m", "messages": "x", "response_format": {"type": "json_schema"}}
    answer = _post(food_services, "/chat/completions", asked)
    assert answer.json()["error"]["param"] == "response_format.json_schema"


@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
def test_a_body_that_is_no_json_object_is_refused(food_services: LocalFoodServices, path: str) -> None:
    assert _post(food_services, path, []).status_code == 400
    broken = httpx.post(
        f"{food_services.openai_base_url}{path}", content=b"{", headers={"Authorization": "Bearer local"}
    )
    assert broken.status_code == 400


@pytest.mark.parametrize("path", ["/responses", "/chat/completions"])
def test_a_request_without_a_key_is_refused(food_services: LocalFoodServices, path: str) -> None:
    answer = httpx.post(f"{food_services.openai_base_url}{path}", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
