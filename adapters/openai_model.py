"""One question to a model of OpenAI's Responses API, or of any server that speaks it, and its structured answer."""

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from openai import APIError, APIStatusError
from openai.types.responses import ResponseFormatTextJSONSchemaConfigParam, ResponseInputContentParam

from adapters.model_task import Task
from adapters.openai_answer import ModelAnswer, decode_answer
from adapters.openai_errors import failure_of, refused, unusable
from adapters.openai_http import AnswerOverCap, openai_client
from adapters.prices import PriceTable
from adapters.refusals import is_refusal
from adapters.resilience import Resilience
from adapters.spending import Charge, HourlySpending
from ledger import ANALYSIS_FAILURES, AnalysisFailure, ModelRun

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class OpenAIModel:
    """A model, guarded by `resilience`.

    `base_url` is the address above `/responses`, as https://api.openai.com/v1. Nothing is stored at the service.
    `max_output_tokens` bounds an answer, thinking included, and `max_answer_bytes` what is read of it. Without
    `prices` costs are unknown; with them, no call is made while `spending` has no room.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str,
        resilience: Resilience,
        max_output_tokens: int = 8_000,
        max_answer_bytes: int = 2_000_000,
        prices: PriceTable | None = None,
        spending: HourlySpending | None = None,
    ) -> None:
        self._model = model
        self._resilience = resilience
        self._max_output_tokens = max_output_tokens
        self._prices = prices
        self._spending = spending
        self._client = openai_client(
            base_url=base_url,
            api_key=api_key,
            timeout=resilience.attempt_timeout,
            most_bytes=max_answer_bytes,
        )

    async def ask(
        self,
        task: Task,
        content: Sequence[ResponseInputContentParam],
        read: Callable[[str], T],
        *,
        user_id: str,
    ) -> tuple[T, ModelRun]:
        """What `read` makes of the model's words, and the run; its tokens and cost are of the answer that was used.

        `read` raises ValueError for words of which it can make nothing. `user_id` is sent only as a hash.
        Raises PhotoNotAccessible, AnalysisRefused, RateLimited, ServiceUnavailable.
        """
        if self._spending is not None:
            self._spending.require_room()
        return await self._resilience.call(
            lambda: self._attempt(task, content, read, user_id), on_behalf_of=user_id
        )

    @property
    def misconfiguration(self) -> str | None:
        """What only the operator can mend, in a sentence; None while the service takes our requests."""
        return self._resilience.misconfiguration

    async def aclose(self) -> None:
        await self._client.close()

    async def _attempt(
        self,
        task: Task,
        content: Sequence[ResponseInputContentParam],
        read: Callable[[str], T],
        user_id: str,
    ) -> tuple[T, ModelRun]:
        failure: AnalysisFailure
        answer_format = ResponseFormatTextJSONSchemaConfigParam(
            type="json_schema", name=task.schema_name, schema=task.schema, strict=True
        )
        charge = self._spending.begin() if self._spending is not None else None
        try:
            raw = await self._client.responses.with_raw_response.create(
                model=self._model,
                instructions=task.instructions,
                input=[{"role": "user", "content": list(content)}],
                text={"format": answer_format},
                max_output_tokens=self._max_output_tokens,
                safety_identifier=hashlib.sha256(user_id.encode()).hexdigest(),
                store=False,
            )
        except APIError as error:
            if isinstance(error, APIStatusError):
                self._settle(charge, 0.0)
            failure = failure_of(error)
        except AnswerOverCap:
            failure = unusable()
        else:
            answer = decode_answer(raw.content)
            run = self._run(answer, task)
            self._settle(charge, run.cost)
            return self._used(answer, read), run
        raise failure  # outside the handler: the SDK's error holds the request, and with it the photo's address

    def _settle(self, charge: Charge | None, cost: float | None) -> None:
        if self._spending is not None and charge is not None and cost is not None:
            self._spending.settle(charge, cost)

    def _used(self, answer: ModelAnswer, read: Callable[[str], T]) -> T:
        failure: AnalysisFailure
        try:
            return _read(answer.text(), read)
        except ANALYSIS_FAILURES as error:
            failure = error
        _log.warning(
            "answer_not_usable",
            code=failure.code,
            kind=type(failure).__name__,
            input_tokens=answer.tokens.input,
            output_tokens=answer.tokens.output,
        )
        raise failure

    def _run(self, answer: ModelAnswer, task: Task) -> ModelRun:
        model = (answer.model or self._model)[:200]
        prices = self._prices
        cost = prices.cost(model, answer.service_tier, answer.tokens) if prices else None
        known = prices if cost is not None else None
        return ModelRun(
            model=model,
            prompt_version=task.version,
            tokens=answer.tokens,
            cost=cost,
            cost_currency=known.currency if known else None,
            price_table=known.version if known else None,
        )


def _read(said: str, read: Callable[[str], T]) -> T:
    try:
        return read(said)
    except ValueError:
        failure = refused() if is_refusal(said) else unusable()
    raise failure
