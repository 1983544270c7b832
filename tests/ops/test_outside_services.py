"""The clients of the outside services, as the settings ask for them."""

import pytest

from adapters.openai_chooser import OpenAIChooser
from ops.outside_services import food_chooser
from ops.settings import ServeSettings

GIVEN = {
    "mongodb_url": "mongodb://db",
    "openai_api_key": "sk",
    "usda_api_key": "usda",
    "auth_issuer": "https://id.example.com",
    "auth_audience": "meal-ledger",
}


@pytest.mark.parametrize("choice", ["score", None])
def test_no_model_chooses_unless_it_is_asked_for(choice: str | None) -> None:
    asked = {} if choice is None else {"food_choice": choice}
    assert food_chooser(ServeSettings.model_validate(GIVEN | asked)) is None


async def test_the_model_chooses_where_it_is_asked_for() -> None:
    chooser = food_chooser(ServeSettings.model_validate(GIVEN | {"food_choice": "Model"}))
    assert isinstance(chooser, OpenAIChooser)
    await chooser.aclose()
