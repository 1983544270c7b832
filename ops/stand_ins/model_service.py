"""OpenAI's protocol over the local recogniser and chooser: `/responses` and `/chat/completions`, structured output."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ops.stand_ins.food_choice import ChoiceSchema
from ops.stand_ins.menu import ordered
from ops.stand_ins.model_requests import (
    BadModelRequest,
    ModelRequest,
    read_chat_request,
    read_responses_request,
    tokens_in,
)
from ops.stand_ins.model_schema import Json
from ops.stand_ins.recognition import Recognizer

# The model that answers, whichever was asked for: it must not be taken for a real one.
LOCAL_MODEL = "meal-ledger-local-sample"


class ModelService:
    """`routes` serve both protocols. Any key is good; a request without one is refused."""

    def __init__(self) -> None:
        self._recognizer = Recognizer()
        self.routes = [
            Route("/responses", self._responses, methods=["POST"]),
            Route("/chat/completions", self._chat, methods=["POST"]),
        ]

    async def _responses(self, request: Request) -> JSONResponse:
        if not _has_key(request):
            return _no_key()
        try:
            asked = read_responses_request(await request.body())
        except BadModelRequest as error:
            return _refused(error)
        dish = ordered(asked.image_url)
        if dish is None:
            return _answer(_response(asked, self._answer_text(asked)))
        await asyncio.sleep(dish.seconds)
        if dish.status != 200:
            return _answer(
                _error(f"The local menu: {dish.says}.", None, dish.code), dish.status, dish.headers
            )
        return _answer(_response(asked, dish.refusal or self._answer_text(asked, dish.plate)))

    async def _chat(self, request: Request) -> JSONResponse:
        if not _has_key(request):
            return _no_key()
        try:
            asked = read_chat_request(await request.body())
        except BadModelRequest as error:
            return _refused(error)
        return _answer(_completion(asked, self._answer_text(asked)))

    def _answer_text(self, asked: ModelRequest, told: str | None = None) -> str:
        if isinstance(asked.schema, ChoiceSchema):
            return json.dumps(asked.schema.fill(asked.texts))
        plate = self._recognizer.recognize(dish_hint=told or asked.dish_hint, image_url=asked.image_url)
        return json.dumps(asked.schema.fill(plate), ensure_ascii=False)


def _response(asked: ModelRequest, text: str) -> Json:
    message: Json = {
        "id": _new_id("msg"),
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    }
    written = tokens_in(text)
    return {
        "id": _new_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": LOCAL_MODEL,
        "output": [message],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "store": False,
        "usage": {
            "input_tokens": asked.input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked.input_tokens + written,
        },
    }


def _completion(asked: ModelRequest, text: str) -> Json:
    written = tokens_in(text)
    return {
        "id": _new_id("chatcmpl"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": LOCAL_MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {
            "prompt_tokens": asked.input_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "completion_tokens": written,
            "completion_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked.input_tokens + written,
        },
    }


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(16)}"


def _answer(content: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    own = {"x-request-id": _new_id("req")}
    return JSONResponse(content, status_code=status, headers=own | dict(headers or {}))


def _has_key(request: Request) -> bool:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(key.strip())


def _no_key() -> JSONResponse:
    message = "You didn't provide an API key: send it as Authorization: Bearer KEY."
    return _answer(_error(message, None, "invalid_api_key"), 401)


def _refused(error: BadModelRequest) -> JSONResponse:
    return _answer(_error(str(error), error.param, error.code), 400)


def _error(message: str, param: str | None, code: str | None) -> Json:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
