"""The food recogniser on OpenAI's Responses API, or on any server that speaks it."""

import hashlib

import structlog
from openai import APIError
from openai.types.responses import (
    ResponseFormatTextJSONSchemaConfigParam,
    ResponseInputContentParam,
    ResponseInputImageParam,
    ResponseInputTextParam,
)

from adapters.food_prompt import (
    FOODS_SCHEMA,
    INSTRUCTIONS,
    PROMPT_VERSION,
    SCHEMA_NAME,
    ImageDetail,
    hint_line,
)
from adapters.openai_answer import ModelAnswer, decode_answer
from adapters.openai_errors import failure_of, refused, unusable
from adapters.openai_http import AnswerTooLarge, openai_client
from adapters.prices import PriceTable
from adapters.recognized_foods import RecognizedPlate, read_plate
from adapters.refusals import is_refusal
from adapters.resilience import Resilience
from ledger import ANALYSIS_FAILURES, AnalysisFailure, ModelRun, Recognition

_log = structlog.get_logger(__name__)

_FORMAT = ResponseFormatTextJSONSchemaConfigParam(
    type="json_schema", name=SCHEMA_NAME, schema=FOODS_SCHEMA, strict=True
)


class OpenAIRecognizer:
    """The `FoodRecognizer` of OpenAI.

    `base_url` is the address above `/responses`, as https://api.openai.com/v1. Nothing is stored at the service.
    `max_output_tokens` bounds an answer, thinking included, and `max_answer_bytes` what is read of it. Without
    `prices` costs are unknown.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str,
        resilience: Resilience,
        detail: ImageDetail = ImageDetail.AUTO,
        max_output_tokens: int = 8_000,
        max_answer_bytes: int = 2_000_000,
        prices: PriceTable | None = None,
    ) -> None:
        self._model = model
        self._resilience = resilience
        self._detail = detail
        self._max_output_tokens = max_output_tokens
        self._prices = prices
        self._client = openai_client(
            base_url=base_url,
            api_key=api_key,
            timeout=resilience.attempt_timeout,
            most_bytes=max_answer_bytes,
        )

    async def recognize(self, *, photo_url: str, dish_hint: str | None, user_id: str) -> Recognition:
        """As the port says; the tokens and the cost are those of the answer that was used."""
        return await self._resilience.call(
            lambda: self._attempt(photo_url, dish_hint, user_id), on_behalf_of=user_id
        )

    async def aclose(self) -> None:
        await self._client.close()

    async def _attempt(self, photo_url: str, dish_hint: str | None, user_id: str) -> Recognition:
        failure: AnalysisFailure
        try:
            raw = await self._client.responses.with_raw_response.create(
                model=self._model,
                instructions=INSTRUCTIONS,
                input=[{"role": "user", "content": self._content(photo_url, dish_hint)}],
                text={"format": _FORMAT},
                max_output_tokens=self._max_output_tokens,
                safety_identifier=hashlib.sha256(user_id.encode()).hexdigest(),
                store=False,
            )
        except APIError as error:
            failure = failure_of(error)
        except AnswerTooLarge:
            failure = unusable()
        else:
            return self._recognition(decode_answer(raw.content))
        raise failure  # outside the handler: the SDK's error holds the request, and with it the photo's address

    def _content(self, photo_url: str, dish_hint: str | None) -> list[ResponseInputContentParam]:
        """What is the same in every request goes first and the photo last, so that the service can cache the rest."""
        photo = ResponseInputImageParam(type="input_image", image_url=photo_url, detail=self._detail.value)
        if dish_hint is None:
            return [photo]
        return [ResponseInputTextParam(type="input_text", text=hint_line(dish_hint)), photo]

    def _recognition(self, answer: ModelAnswer) -> Recognition:
        failure: AnalysisFailure
        tokens = answer.tokens
        try:
            plate = _read(answer.text())
        except ANALYSIS_FAILURES as error:
            failure = error
        else:
            return self._priced(answer, plate)
        _log.warning(
            "answer_not_usable",
            code=failure.code,
            kind=type(failure).__name__,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
        )
        raise failure

    def _priced(self, answer: ModelAnswer, plate: RecognizedPlate) -> Recognition:
        model = (answer.model or self._model)[:200]
        prices = self._prices
        cost = prices.cost(model, answer.service_tier, answer.tokens) if prices else None
        known = prices if cost is not None else None
        return Recognition(
            dish_name=plate.dish_name,
            foods=plate.foods,
            remarks=plate.remarks,
            run=ModelRun(
                model=model,
                prompt_version=PROMPT_VERSION,
                tokens=answer.tokens,
                cost=cost,
                cost_currency=known.currency if known else None,
                price_table=known.version if known else None,
            ),
        )


def _read(said: str) -> RecognizedPlate:
    try:
        return read_plate(said)
    except ValueError:
        failure = refused() if is_refusal(said) else unusable()
    raise failure
