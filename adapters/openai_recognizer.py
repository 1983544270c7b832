"""The food recogniser on a model that sees images."""

from openai.types.responses import ResponseInputContentParam, ResponseInputImageParam, ResponseInputTextParam

from adapters.food_prompt import FOODS_TASK, ImageDetail, hint_line
from adapters.openai_model import OpenAIModel
from adapters.recognized_foods import read_plate
from ledger import Recognition


class OpenAIRecognizer:
    """The `FoodRecognizer` on a model that sees images. It closes the model."""

    def __init__(self, model: OpenAIModel, *, detail: ImageDetail = ImageDetail.AUTO) -> None:
        self._model = model
        self._detail = detail

    async def recognize(self, *, photo_url: str, dish_hint: str | None, user_id: str) -> Recognition:
        """As the port says."""
        content = self._content(photo_url, dish_hint)
        plate, run = await self._model.ask(FOODS_TASK, content, read_plate, user_id=user_id)
        return Recognition(dish_name=plate.dish_name, foods=plate.foods, run=run, remarks=plate.remarks)

    @property
    def misconfiguration(self) -> str | None:
        """What only the operator can mend, in a sentence; None while the service takes our requests."""
        return self._model.misconfiguration

    async def aclose(self) -> None:
        await self._model.aclose()

    def _content(self, photo_url: str, dish_hint: str | None) -> list[ResponseInputContentParam]:
        """What is the same in every request goes first and the photo last, so that the service can cache the rest."""
        photo = ResponseInputImageParam(type="input_image", image_url=photo_url, detail=self._detail.value)
        if dish_hint is None:
            return [photo]
        return [ResponseInputTextParam(type="input_text", text=hint_line(dish_hint)), photo]
