"""The choice among records by a model: one text-only call for all foods of a plate."""

import time
from collections.abc import Sequence

from openai.types.responses import ResponseInputTextParam

from adapters.choice_prompt import CHOICE_TASK, choice_line, read_choices
from adapters.openai_model import OpenAIModel
from ledger import ChoiceOutcome, FoodChoice


class OpenAIChooser:
    """The `FoodChooser` on a model. It closes the model."""

    def __init__(self, model: OpenAIModel) -> None:
        self._model = model

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
