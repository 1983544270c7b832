"""The clients of the outside services, each with its time-outs, retries and circuit breaker."""

import math
from typing import NamedTuple

import msgspec

from adapters.circuit_breaker import InterlockBreaker
from adapters.openai_chooser import OpenAIChooser
from adapters.openai_model import OpenAIModel
from adapters.openai_recognizer import OpenAIRecognizer
from adapters.openfoodfacts import OpenFoodFactsDatabase
from adapters.prices import PriceTable
from adapters.resilience import Resilience
from adapters.spending import HourlySpending
from adapters.usda import UsdaDatabase
from ops.errors import BadSettings
from ops.outages import Outages
from ops.settings import ServeSettings

_SHARE_OF_DEADLINE = 0.8
"""How much of an analysis' deadline one call to a service may take, its retries included."""
_FALL_BACK_SECONDS = 3.0
"""The same for a database that is only asked for foods that the food table lacks: no client should wait long for it."""

_CHOICE_SECONDS = 6.0
"""The same for the model's choice among records: without it the scores decide."""

_MOST_PLATE_TOKENS, _MOST_CHOICE_TOKENS = 8_000, 4_000
"""What the model may say of a plate, and of the records of its foods; its thinking included."""


class _Service(NamedTuple):
    """A service's name, the name of what we ask of it, and what does not work without that."""

    name: str
    part: str
    without: str


_MODEL = _Service("OpenAI", "OpenAI", "photos are not analysed until it answers again")
_CHOICE = _Service("OpenAI", "OpenAI (choice of records)", "the scores choose until it answers again")
_USDA = _Service(
    "USDA FoodData Central",
    "USDA FoodData Central",
    "foods that only it has stay without nutrients until it answers",
)
_OPENFOODFACTS = _Service(
    "OpenFoodFacts", "OpenFoodFacts", "foods that only it has stay without nutrients until it answers"
)


class Models(NamedTuple):
    """The vision model, and the model that chooses among records where FOOD_CHOICE asks for it."""

    recognizer: OpenAIRecognizer
    chooser: OpenAIChooser | None


def models(settings: ServeSettings, outages: Outages) -> Models:
    """The models, which spend from one purse; `outages` hears of their circuits.

    Raises BadSettings for a table of prices that is of no use.
    """
    prices = _prices(settings)
    spending = _spending(settings, prices)

    def model(resilience: Resilience, max_output_tokens: int) -> OpenAIModel:
        return OpenAIModel(
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key.get_secret_value(),
            model=settings.openai_model,
            resilience=resilience,
            max_output_tokens=max_output_tokens,
            prices=prices,
            spending=spending,
        )

    chooser = None
    if settings.food_choice == "model":
        resilience = _resilience(settings, outages, _CHOICE, most_seconds=_CHOICE_SECONDS)
        chooser = OpenAIChooser(model(resilience, _MOST_CHOICE_TOKENS))
    return Models(
        OpenAIRecognizer(model(_resilience(settings, outages, _MODEL), _MOST_PLATE_TOKENS)), chooser
    )


def nutrient_services(
    settings: ServeSettings, outages: Outages
) -> tuple[UsdaDatabase, OpenFoodFactsDatabase]:
    """The nutrient databases over HTTP, in the order in which they are asked for what the food table lacks."""
    return (
        UsdaDatabase(
            base_url=settings.usda_base_url,
            api_key=settings.usda_api_key.get_secret_value(),
            resilience=_resilience(settings, outages, _USDA, most_seconds=_FALL_BACK_SECONDS),
        ),
        OpenFoodFactsDatabase(
            search_url=settings.openfoodfacts_search_url,
            resilience=_resilience(settings, outages, _OPENFOODFACTS, most_seconds=_FALL_BACK_SECONDS),
            version=settings.app_version,
        ),
    )


def _resilience(
    settings: ServeSettings, outages: Outages, service: _Service, most_seconds: float = math.inf
) -> Resilience:
    # An attempt ends before the analysis does, so that the breaker learns of a service that never answers.
    budget = min(_SHARE_OF_DEADLINE * settings.analysis_deadline_seconds, most_seconds)

    def on_change(is_open: bool) -> None:  # noqa: FBT001 - the breaker's word
        if is_open:
            outages.gone(service.part, f"{service.name} fails call after call: {service.without}")
        else:
            outages.back(service.part)

    return Resilience(
        service.name,
        attempts=settings.openai_max_retries + 1,
        attempt_timeout=min(settings.openai_timeout_seconds, budget),
        budget=budget,
        breaker=InterlockBreaker(
            service.name,
            on_change=on_change,
            failure_threshold=settings.circuit_breaker_failure_threshold,
            recovery_seconds=settings.circuit_breaker_recovery_timeout,
        ),
    )


def _prices(settings: ServeSettings) -> PriceTable | None:
    if settings.openai_prices_file is None:
        return None
    try:
        return msgspec.json.decode(settings.openai_prices_file.read_bytes(), type=PriceTable)
    except OSError as error:
        raise BadSettings(f"OPENAI_PRICES_FILE cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise BadSettings(f"OPENAI_PRICES_FILE is no table of prices: {error}") from error


def _spending(settings: ServeSettings, prices: PriceTable | None) -> HourlySpending | None:
    if settings.openai_max_cost_per_hour is None:
        return None
    if prices is None or not prices.has(settings.openai_model):
        raise BadSettings(
            f"OPENAI_MAX_COST_PER_HOUR needs the price of {settings.openai_model}: "
            "set OPENAI_PRICES_FILE to a table that has it"
        )
    return HourlySpending(settings.openai_max_cost_per_hour)
