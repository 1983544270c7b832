"""The food recogniser on a model that sees images."""

from openai.types.responses import ResponseInputContentParam, ResponseInputImageParam, ResponseInputTextParam

from adapters.food_prompt import FOODS_TASK, ImageDetail, hint_line
from adapters.openai_model import OpenAIModel
from adapters.prices import PriceTable
from adapters.recognized_foods import read_plate
from adapters.resilience import Resilience
from ledger import Recognition


class OpenAIRecognizer:
    """The `FoodRecognizer` on an `OpenAIModel`, whose arguments it takes."""

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
        self._detail = detail
        self._model = OpenAIModel(
            base_url=base_url,
            api_key=api_key,
            model=model,
            resilience=resilience,
            max_output_tokens=max_output_tokens,
            max_answer_bytes=max_answer_bytes,
            prices=prices,
        )

    async def recognize(self, *, photo_url: str, dish_hint: str | None, user_id: str) -> Recognition:
        """As the port says."""
        content = self._content(photo_url, dish_hint)
        plate, run = await self._model.ask(FOODS_TASK, content, read_plate, user_id=user_id)
        return Recognition(dish_name=plate.dish_name, foods=plate.foods, run=run, remarks=plate.remarks)

    async def aclose(self) -> None:
        await self._model.aclose()

    def _content(self, photo_url: str, dish_hint: str | None) -> list[ResponseInputContentParam]:
        """What is the same in every request goes first and the photo last, so that the service can cache the rest."""
        photo = ResponseInputImageParam(type="input_image", image_url=photo_url, detail=self._detail.value)
        if dish_hint is None:
            return [photo]
        return [ResponseInputTextParam(type="input_text", text=hint_line(dish_hint)), photo]
