"""The clients of the outside services, as the settings ask for them."""

from pathlib import Path

import pytest

from adapters.openai_chooser import OpenAIChooser
from ops.errors import BadSettings
from ops.outages import Outages
from ops.outside_services import Models, models
from ops.settings import ServeSettings

GIVEN = {
    "mongodb_url": "mongodb://db",
    "openai_api_key": "sk",
    "usda_api_key": "usda",
    "auth_issuer": "https://id.example.com",
    "auth_audience": "meal-ledger",
}


PRICES = """{"version": "2026-11", "currency": "USD",
 "models": {"gpt-5.4-mini": {"input": 1, "cached": 1, "written": 1, "output": 1}}}"""


def models_of(settings: ServeSettings) -> Models:
    return models(settings, Outages())


@pytest.mark.parametrize("choice", ["score", None])
async def test_no_model_chooses_unless_it_is_asked_for(choice: str | None) -> None:
    asked = {} if choice is None else {"food_choice": choice}
    made = models_of(ServeSettings.model_validate(GIVEN | asked))
    assert made.chooser is None
    await made.recognizer.aclose()


async def test_the_model_chooses_where_it_is_asked_for() -> None:
    made = models_of(ServeSettings.model_validate(GIVEN | {"food_choice": "Model"}))
    assert isinstance(made.chooser, OpenAIChooser)
    await made.chooser.aclose()
    await made.recognizer.aclose()


@pytest.mark.parametrize("model", ["gpt-5.4-mini", "gpt-5.4-mini-2026-03-17"])
async def test_a_ceiling_of_cost_takes_the_price_of_the_model(tmp_path: Path, model: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(PRICES)
    asked = {"openai_max_cost_per_hour": "2.5", "openai_model": model, "openai_prices_file": str(file)}
    await models_of(ServeSettings.model_validate(GIVEN | asked)).recognizer.aclose()


@pytest.mark.parametrize("prices", [None, PRICES])
def test_a_ceiling_without_the_price_of_the_model_is_refused(tmp_path: Path, prices: str | None) -> None:
    file = tmp_path / "prices.json"
    file.write_text(prices or "")
    asked = {"openai_max_cost_per_hour": "2.5", "openai_model": "vision-1"}
    if prices:
        asked["openai_prices_file"] = str(file)
    with pytest.raises(
        BadSettings, match="OPENAI_MAX_COST_PER_HOUR needs the price of vision-1: set OPENAI_PRICES"
    ):
        models_of(ServeSettings.model_validate(GIVEN | asked))
