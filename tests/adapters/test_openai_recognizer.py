"""The recogniser against real HTTP: what it sends, what it reads, and how each failure is told apart."""

import hashlib
import json
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from adapters.food_prompt import FOODS_SCHEMA, MOST_FOODS, PROMPT_VERSION, ImageDetail
from adapters.openai_recognizer import OpenAIRecognizer
from adapters.prices import PriceTable, Rates
from adapters.service_errors import (
    MalformedAnswer,
    Misconfigured,
    QuotaExhausted,
    UnusableAnswer,
    WouldFailAgain,
)
from ledger import (
    AnalysisRefused,
    FoodState,
    LedgerError,
    ModelRun,
    PhotoNotAccessible,
    RateLimited,
    Recognition,
    RecognizedFood,
    ServiceUnavailable,
    TokenUsage,
    WarningCode,
)
from tests.adapters.services import quick_resilience
from tests.adapters.vision_model import (
    EGG,
    HINT,
    KEY,
    PHOTO,
    USER,
    error,
    message,
    opened,
    plate,
    recognize,
    said,
)
from tests.fault_server import FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def recognizer(server: FaultyServer) -> AsyncIterator[OpenAIRecognizer]:
    async with opened(server) as made:
        yield made


async def test_a_plate_is_recognised(recognizer: OpenAIRecognizer, server: FaultyServer) -> None:
    toast = {"name": " white  bread ", "grams": 30, "state": None, "confidence": 1}
    server.answer(json=said(plate(EGG, toast)))

    recognition = await recognize(recognizer)

    assert recognition == Recognition(
        dish_name="Breakfast",
        foods=(
            RecognizedFood(name="egg", grams=55.5, state=FoodState.COOKED, confidence=0.93),
            RecognizedFood(name="white bread", grams=30.0, state=None, confidence=1.0),
        ),
        run=ModelRun(
            model="vision-1-2026-10-02",
            prompt_version=PROMPT_VERSION,
            tokens=TokenUsage(input=1000, cached=600, written=100, output=50),
        ),
    )


async def test_the_request_says_all_that_it_must_and_stores_nothing(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.answer(json=said(plate(EGG)))
    await recognize(recognizer, HINT)

    (request,) = server.requests
    sent = request.json()
    assert (request.method, request.path) == ("POST", "/v1/responses")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert sent["store"] is False
    assert sent["model"] == "vision-1"
    assert sent["max_output_tokens"] == 900
    assert sent["safety_identifier"] == hashlib.sha256(USER.encode()).hexdigest()
    assert USER not in request.body.decode()
    assert sent["text"] == {
        "format": {
            "type": "json_schema",
            "name": "recognized_foods",
            "schema": FOODS_SCHEMA,
            "strict": True,
        }
    }
    (user_message,) = sent["input"]
    hint, photo = user_message["content"]
    assert user_message["role"] == "user"
    assert photo == {"type": "input_image", "image_url": PHOTO, "detail": "auto"}
    assert hint["type"] == "input_text"
    assert json.loads(hint["text"]) == {"dish_hint": HINT}
    assert "\n" not in hint["text"]
    assert "grandma" not in sent["instructions"]
    assert "dish_hint" in sent["instructions"]


async def test_without_a_hint_only_the_photo_is_sent(server: FaultyServer) -> None:
    server.answer(json=said(plate(EGG)))
    async with opened(server, detail=ImageDetail.LOW) as recognizer:
        await recognize(recognizer)
    assert server.requests[0].json()["input"][0]["content"] == [
        {"type": "input_image", "image_url": PHOTO, "detail": "low"}
    ]


def test_the_schema_is_strict_throughout() -> None:
    objects = [FOODS_SCHEMA]
    for schema in objects:
        properties = schema["properties"]
        assert isinstance(properties, dict)
        assert schema["required"] == list(properties)
        assert schema["additionalProperties"] is False
        assert "default" not in json.dumps(schema)
        objects += [inner["items"] for inner in properties.values() if "items" in inner]
    assert len(objects) == 2


async def test_a_photo_without_food_is_an_answer_without_foods(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.answer(json=said(plate(dish_name=None)))
    recognition = await recognize(recognizer)
    assert (recognition.dish_name, recognition.foods) == (None, ())


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, TokenUsage(input=None, cached=None, written=None, output=None)),
        ({}, TokenUsage(input=None, cached=None, written=None, output=None)),
        (
            {"input_tokens": 9, "output_tokens": 0},
            TokenUsage(input=9, cached=None, written=None, output=0),
        ),
        (
            {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 1},
            TokenUsage(input=9, cached=0, written=None, output=1),
        ),
    ],
)
async def test_tokens_that_are_not_reported_are_unknown(
    recognizer: OpenAIRecognizer, server: FaultyServer, usage: object, tokens: TokenUsage
) -> None:
    server.answer(json=said(plate(EGG), usage=usage))
    assert (await recognize(recognizer)).run.tokens == tokens


async def test_an_answer_without_optional_fields_is_enough(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.answer(json={"output": [message({"type": "output_text", "text": plate(EGG)})]})
    recognition = await recognize(recognizer)
    assert recognition.run.model == "vision-1"
    assert len(recognition.foods) == 1


async def test_cost_follows_the_price_of_the_answering_model(server: FaultyServer) -> None:
    rates = Rates(input=2.0, cached=0.5, written=2.5, output=10.0)
    prices = PriceTable(version="2026-11", currency="USD", models={"vision-1": rates})
    server.answer(json=said(plate(EGG)))
    server.answer(json=said(plate(EGG), model="vision-2"))
    async with opened(server, prices=prices) as recognizer:
        known = (await recognize(recognizer)).run
        unknown = (await recognize(recognizer)).run
    # 300 plain, 600 cached, 100 written, 50 out
    assert known.cost == pytest.approx((300 * 2.0 + 600 * 0.5 + 100 * 2.5 + 50 * 10.0) / 1e6)
    assert (known.cost_currency, known.price_table) == ("USD", "2026-11")
    assert (unknown.cost, unknown.cost_currency, unknown.price_table) == (None, None, None)


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{plate(EGG)}\n```",
        f"<think>An egg?</think>\nHere it is:\n{plate(EGG)}",
        f"\ufeff{plate(EGG)}",
        plate(EGG, None),
        plate(*[EGG] * (MOST_FOODS + 1)),
    ],
)
async def test_an_answer_near_the_schema_is_used(
    recognizer: OpenAIRecognizer, server: FaultyServer, text: str
) -> None:
    server.answer(json=said(text))
    assert (await recognize(recognizer)).foods[0].name == "egg"
    assert len(server.requests) == 1


async def test_what_was_left_out_is_remarked(recognizer: OpenAIRecognizer, server: FaultyServer) -> None:
    server.answer(json=said(plate(EGG, None)))
    assert [remark.code for remark in (await recognize(recognizer)).remarks] == [WarningCode.FOOD_UNREADABLE]


@pytest.mark.parametrize(
    "answer",
    [
        {"output": [message({"type": "output_text", "text": plate(EGG)})] * 2},
        {"output": [None, {"type": "message", "content": plate(EGG)}, {"type": "message"}]},
        said(plate(EGG), usage="many"),
        said(plate(EGG), usage={"input_tokens": "1000", "output_tokens": 1.5}),
    ],
)
async def test_an_answer_near_the_protocol_is_used(
    recognizer: OpenAIRecognizer, server: FaultyServer, answer: dict[str, object]
) -> None:
    server.answer(body=b"\xef\xbb\xbf" + json.dumps(answer).encode())
    assert len((await recognize(recognizer)).foods) == 1


@pytest.mark.parametrize(
    "text",
    [
        "I see an egg.",
        '{"dish_name": null, "foods": [{"name": "eg',
        "[]",
        "{}",
        "",
        plate(EGG | {"name": ""}),
        plate(EGG | {"name": None}),
        plate(None),
    ],
)
async def test_an_answer_off_the_schema_gets_one_more_try(
    recognizer: OpenAIRecognizer, server: FaultyServer, text: str
) -> None:
    server.answer(json=said(text), times=2)
    server.answer(json=said(plate(EGG)))
    with capture_logs() as logs, pytest.raises(UnusableAnswer):
        await recognize(recognizer)
    assert len(server.requests) == 2
    spent = [log for log in logs if log["event"] == "answer_not_usable"]
    assert [(log["input_tokens"], log["output_tokens"]) for log in spent] == [(1000, 50)] * 2
    assert len((await recognize(recognizer)).foods) == 1


@pytest.mark.parametrize(
    "body", [b"<html>gateway</html>", b"[]", b'{"output": 7}', b"", b'"\xff"', b'{"status": "queued"}']
)
async def test_an_answer_of_another_protocol_gets_one_more_try(
    recognizer: OpenAIRecognizer, server: FaultyServer, body: bytes
) -> None:
    server.answer(body=body, headers={"Content-Type": "application/json"}, times=None)
    with pytest.raises(MalformedAnswer):
        await recognize(recognizer)
    assert len(server.requests) == 2


async def test_an_answer_at_the_token_limit_is_not_retried(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    """A second one would be paid for too."""
    server.answer(
        json=said(plate(EGG)[:20], status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        times=None,
    )
    with capture_logs() as logs, pytest.raises(WouldFailAgain):
        await recognize(recognizer)
    assert len(server.requests) == 1
    [unused] = [log for log in logs if log["event"] == "answer_not_usable"]
    assert unused["output_tokens"] == 50


@pytest.mark.parametrize(
    "answer",
    [
        said("", output=[message({"type": "refusal", "refusal": "I can't help with that."})]),
        said("", status="incomplete", incomplete_details={"reason": "content_filter"}),
        said("", status="failed", error={"code": "image_content_policy_violation", "message": "no"}),
        said("", status="failed", error={"code": "invalid_prompt", "message": "no"}),
        said("I'm sorry, but I can't help with that."),
        said('{"error": "I cannot analyze this image."}'),
    ],
)
async def test_a_refusal_is_told_apart_and_not_tried_again(
    recognizer: OpenAIRecognizer, server: FaultyServer, answer: dict[str, object]
) -> None:
    server.answer(json=answer, times=None)
    with pytest.raises(AnalysisRefused) as refused:
        await recognize(recognizer)
    assert not refused.value.retryable
    assert len(server.requests) == 1


async def test_a_refusal_by_status_400_is_told_apart(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.answer(400, json=error("content_policy_violation"))
    with pytest.raises(AnalysisRefused):
        await recognize(recognizer)


@pytest.mark.parametrize(
    "code",
    [
        "failed_to_download_image",
        "image_file_not_found",
        "invalid_image_url",
        "image_too_large",
        "unsupported_image_media_type",
    ],
)
async def test_both_forms_of_unreadable_photo_are_recognised(
    recognizer: OpenAIRecognizer, server: FaultyServer, code: str
) -> None:
    """As an HTTP error, and as a failed response."""
    server.answer(400, json=error(code, f"cannot download {PHOTO}"))
    server.answer(json=said("", status="failed", error={"code": code, "message": f"cannot load {PHOTO}"}))
    for _ in range(2):
        with pytest.raises(PhotoNotAccessible) as failed:
            await recognize(recognizer)
        assert "photos.example.org" not in failed.value.message
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"code": "invalid_value", "param": "input[0].content[1].image_url", "message": "Invalid value."},
        {"code": "invalid_value", "param": "url", "message": "Expected a URL."},
        {"code": "invalid_value", "param": None, "message": "You uploaded an unsupported image."},
        {"code": None, "param": None, "message": "You uploaded an unsupported image."},
        {"code": None, "param": "input", "message": "The data does not represent a valid picture."},
        {"code": 400, "param": "messages[0].image", "message": "cannot identify file"},
        {"message": "cannot decode HEIC"},
    ],
)
async def test_a_picture_of_another_kind_is_told_apart(
    recognizer: OpenAIRecognizer, server: FaultyServer, body: dict[str, object]
) -> None:
    server.answer(400, json={"error": body})
    with pytest.raises(PhotoNotAccessible, match="JPEG"):
        await recognize(recognizer)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"code": "invalid_value", "param": "text.format", "message": "Invalid value."},
        {"code": "unsupported_value", "param": None, "message": "This image is not supported."},
        {
            "code": None,
            "param": "messages[1].type",
            "message": "image_url: only supported by certain models.",
        },
        {"code": None, "param": None, "message": "Unsupported parameter: max_output_tokens."},
        {"code": None, "param": "temperature", "message": "Not supported."},
    ],
)
async def test_a_request_refused_for_something_of_ours_is_not_the_photos(
    recognizer: OpenAIRecognizer, server: FaultyServer, body: dict[str, object]
) -> None:
    server.answer(400, json={"error": body})
    with pytest.raises(Misconfigured):
        await recognize(recognizer)


async def test_a_limit_that_is_short_is_waited_out(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.answer(429, json=error("rate_limit_exceeded"), headers={"retry-after-ms": "300"})
    server.answer(json=said(plate(EGG)))
    assert len((await recognize(recognizer)).foods) == 1
    first, second = server.requests
    assert second.at - first.at >= 0.3


@pytest.mark.parametrize("code", ["rate_limit_exceeded", None])
async def test_a_limit_that_is_long_is_told_at_once(
    recognizer: OpenAIRecognizer, server: FaultyServer, code: str | None
) -> None:
    server.answer(429, json=error(code), headers={"Retry-After": "90"})
    with pytest.raises(RateLimited) as limited:
        await recognize(recognizer)
    assert limited.value.retry_after == 90
    assert len(server.requests) == 1


async def test_a_limit_told_inside_an_answer_is_one_too(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.answer(json=said("", status="failed", error={"code": "rate_limit_exceeded", "message": "x"}))
    server.answer(json=said(plate(EGG)))
    assert len((await recognize(recognizer)).foods) == 1


async def test_an_account_without_credit_is_not_asked_again(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.answer(429, json=error("insufficient_quota"), headers={"Retry-After": "1"})
    with capture_logs() as logs, pytest.raises(QuotaExhausted):
        await recognize(recognizer)
    assert len(server.requests) == 1
    assert [(log["event"], log["log_level"]) for log in logs] == [("service_quota_exhausted", "error")]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "invalid_api_key"),
        (403, None),
        (404, "model_not_found"),
        (400, "unsupported_value"),
        (422, None),
    ],
)
async def test_a_refused_call_is_a_misconfiguration_without_retry(
    recognizer: OpenAIRecognizer, server: FaultyServer, status: int, code: str | None
) -> None:
    """The key, the model or the request is refused."""
    server.answer(status, json=error(code))
    with capture_logs() as logs, pytest.raises(Misconfigured) as refused:
        await recognize(recognizer)
    assert not refused.value.retryable
    assert len(server.requests) == 1
    (logged,) = logs
    assert (logged["event"], logged["log_level"]) == ("service_misconfigured", "error")
    assert logged["reason"] == code


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 409])
async def test_a_failing_service_is_retried_by_one_layer(
    recognizer: OpenAIRecognizer, server: FaultyServer, status: int
) -> None:
    server.answer(status, json=error("server_error"), times=None)
    with pytest.raises(ServiceUnavailable) as down:
        await recognize(recognizer)
    assert down.value.retryable
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "more", [{"status": "failed"}, {"status": "failed", "error": {"code": "server_error"}}]
)
async def test_a_failure_told_inside_an_answer_is_tried_again(
    recognizer: OpenAIRecognizer, server: FaultyServer, more: dict[str, object]
) -> None:
    server.answer(json=said("") | more)
    server.answer(json=said(plate(EGG)))
    assert len((await recognize(recognizer)).foods) == 1


async def test_a_broken_connection_and_a_cut_answer_are_tried_again(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.reset()
    server.answer(json=said(plate(EGG)), cut_after=40)
    server.answer(json=said(plate(EGG)))
    assert len((await recognize(recognizer)).foods) == 1


async def test_a_silent_service_is_cut_off_in_time(server: FaultyServer) -> None:
    server.silence(times=None)
    async with opened(server, quick_resilience(attempts=2, attempt_timeout=0.2)) as recognizer:
        with pytest.raises(ServiceUnavailable, match="in time"):
            await recognize(recognizer)
    assert len(server.requests) == 2
    assert server.requests[1].at - server.requests[0].at < 2


async def test_a_service_that_does_not_listen_is_unavailable(
    recognizer: OpenAIRecognizer, server: FaultyServer
) -> None:
    server.stop()
    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        await recognize(recognizer)


@pytest.mark.parametrize("fault", ["refused", "bad request", "down", "malformed", "silence", "reset"])
async def test_errors_and_logs_show_no_private_words(server: FaultyServer, fault: str) -> None:
    """Neither the photo nor the hint, the user or the key."""
    words = f"{KEY} {PHOTO} {HINT} {USER}"
    scripts = {
        "refused": lambda: server.answer(400, json=error("failed_to_download_image", words), times=None),
        "bad request": lambda: server.answer(400, json=error(words, words), times=None),
        "down": lambda: server.answer(500, json=error(None, words), times=None),
        "malformed": lambda: server.answer(json=said(words), times=None),
        "silence": lambda: server.silence(times=None),
        "reset": lambda: server.reset(times=None),
    }
    scripts[fault]()
    async with opened(server, quick_resilience(attempts=2, attempt_timeout=0.3)) as recognizer:
        with capture_logs() as logs, pytest.raises(LedgerError) as failed:
            await recognize(recognizer, HINT)
    written = str(logs) + "".join(traceback.format_exception(failed.value)) + repr(failed.value)
    for secret in (KEY, "photos.example.org", "grandma", USER, str(server.port)):
        assert secret not in written
