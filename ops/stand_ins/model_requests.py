"""A request to the model, read from either of OpenAI's two protocols; the system's text is ignored."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ops.stand_ins.food_choice import ChoiceSchema
from ops.stand_ins.model_schema import Json, PlateSchema, UnknownSchema

_BYTES_PER_TOKEN = 4  # a common estimate for English text


class BadModelRequest(ValueError):
    """A request refused with status 400, with OpenAI's `code` and `param`."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """The user's texts, an image and the schema to fill. `input_tokens` is estimated from the length of all text."""

    texts: tuple[str, ...]
    image_url: str | None
    schema: PlateSchema | ChoiceSchema
    input_tokens: int

    @property
    def dish_hint(self) -> str | None:
        """The hint stands in a line of its own, as a JSON object: {"dish_hint": "two eggs"}."""
        for line in "\n".join(self.texts).splitlines():
            try:
                said: object = json.loads(line)
            except ValueError:
                continue  # a line of prose
            if isinstance(said, dict) and isinstance(hint := said.get("dish_hint"), str):
                return hint
        return None


def read_responses_request(body: bytes) -> ModelRequest:
    """A `POST /responses`. Raises BadModelRequest."""
    asked = _asked(body)
    content = list(_user_content(asked.get("input"), "input"))
    texts = [text for part in content if isinstance(text := part.get("text"), str)]
    images = [url for part in content if isinstance(url := part.get("image_url"), str)]
    text_options = asked.get("text")
    asked_format = text_options.get("format") if isinstance(text_options, dict) else None
    asked_schema = _json_schema(asked_format, "text.format")
    return _request(
        texts, images, asked_schema, "text.format.schema", _all_text(asked, "instructions", "input")
    )


def read_chat_request(body: bytes) -> ModelRequest:
    """A `POST /chat/completions`. Raises BadModelRequest."""
    asked = _asked(body)
    content = list(_user_content(asked.get("messages"), "messages"))
    texts = [text for part in content if isinstance(text := part.get("text"), str)]
    images = [
        url
        for part in content
        if isinstance(image := part.get("image_url"), dict) and isinstance(url := image.get("url"), str)
    ]
    asked_format = _json_schema(asked.get("response_format"), "response_format").get("json_schema")
    if not isinstance(asked_format, dict):
        raise BadModelRequest("json_schema is missing", param="response_format.json_schema")
    return _request(texts, images, asked_format, "response_format.json_schema", _all_text(asked, "messages"))


def tokens_in(text: str) -> int:
    """An estimate of the tokens of a text, from its length."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def _request(
    texts: list[str], images: list[str], asked_format: Json, param: str, all_text: list[str]
) -> ModelRequest:
    if not texts and not images:
        raise BadModelRequest("the user says nothing: send text or an image", param="input")
    image_url = images[0] if images else None
    if image_url is not None:
        _check_image(image_url)
    try:
        schema = _schema(asked_format.get("schema"))
    except UnknownSchema as error:
        raise BadModelRequest(str(error), param=param, code="invalid_json_schema") from error
    written = "".join([*all_text, json.dumps(asked_format)])
    return ModelRequest(tuple(texts), image_url, schema, tokens_in(written))


def _schema(asked: object) -> PlateSchema | ChoiceSchema:
    return ChoiceSchema() if ChoiceSchema.is_schema(asked) else PlateSchema(asked)


def _asked(body: bytes) -> Json:
    try:
        asked: object = json.loads(body)
    except ValueError as error:
        raise BadModelRequest("the body is not JSON") from error
    if not isinstance(asked, dict):
        raise BadModelRequest("the body is not a JSON object")
    if not isinstance(asked.get("model"), str):
        raise BadModelRequest("you must provide a model parameter", param="model")
    if asked.get("stream"):
        raise BadModelRequest("the local model does not stream", param="stream")
    return asked


def _user_content(messages: object, param: str) -> Iterator[Mapping[str, object]]:
    """The content parts of the user's messages; a bare text is one part."""
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list):
        raise BadModelRequest(f"{param} must be an array of messages", param=param)
    for message in messages:
        if not isinstance(message, dict) or message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            yield {"text": content}
        elif isinstance(content, list):
            yield from (part for part in content if isinstance(part, dict))


def _json_schema(asked_format: object, param: str) -> Json:
    if not isinstance(asked_format, dict) or asked_format.get("type") != "json_schema":
        raise BadModelRequest("the local model answers in json_schema format only", param=param)
    return asked_format


def _check_image(url: str) -> None:
    """Refuse an address that the real service cannot load either: no URL, or a host under .invalid."""
    parts = urlsplit(url)
    known = parts.scheme in ("http", "https") and parts.hostname
    if parts.scheme != "data" and (not known or str(parts.hostname).endswith(".invalid")):
        raise BadModelRequest("the image cannot be downloaded", param="url", code="invalid_image_url")


def _all_text(asked: Json, *fields: str) -> list[str]:
    """Every text of these fields, of any role; the address of an image is none."""
    found: list[str] = []
    pending: list[object] = [asked.get(field) for field in fields]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value.get(key) for key in ("content", "text"))
    return found
