"""The choice among records by a model: one text-only call for all foods of a plate."""

import time
from collections.abc import Sequence

from openai.types.responses import ResponseInputTextParam

from adapters.choice_prompt import CHOICE_TASK, choice_line, read_choices
from adapters.openai_model import OpenAIModel
from adapters.prices import PriceTable
from adapters.resilience import Resilience
from ledger import ChoiceOutcome, FoodChoice


class OpenAIChooser:
    """The `FoodChooser` on an `OpenAIModel`, whose arguments it takes."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str,
        resilience: Resilience,
        max_output_tokens: int = 4_000,
        max_answer_bytes: int = 2_000_000,
        prices: PriceTable | None = None,
    ) -> None:
        self._model = OpenAIModel(
            base_url=base_url,
            api_key=api_key,
            model=model,
            resilience=resilience,
            max_output_tokens=max_output_tokens,
            max_answer_bytes=max_answer_bytes,
            prices=prices,
        )

    async def choose(self, *, foods: Sequence[FoodChoice], user_id: str) -> ChoiceOutcome:
        """As the port says."""
        began = time.monotonic()
        question = ResponseInputTextParam(type="input_text", text=choice_line(foods))
        chosen, run = await self._model.ask(
            CHOICE_TASK, [question], lambda text: read_choices(text, foods), user_id=user_id
        )
        return ChoiceOutcome(chosen=chosen, run=run, duration_ms=round((time.monotonic() - began) * 1000))

    async def aclose(self) -> None:
        await self._model.aclose()
