"""The composition root: the whole application on one page. Every adapter is made here, and handed to its port.

open_store ──────────┬──► commands ──────┐
outside services ────┘                   ├──► the API          `meal-ledger serve`
read models ──► queries ─────────────────┤
authenticator ───────────────────────────┘
open_store ──► projectors ──► read models                      `meal-ledger project`
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import NamedTuple

from adapters.food_table import FoodTable
from adapters.mongo.read.log_positions import MongoLogPositions
from adapters.mongo_projections.log_reader import RecorderLogReader
from adapters.mongo_projections.projection_store import MongoProjectionStore
from adapters.mongo_projections.read_models import MongoReadModels
from api import Authenticator, Check, JwksAuthenticator, SharedSecretAuthenticator
from ledger import (
    AnalysisLimits,
    AnalysisRuns,
    CommandHandlers,
    FoodSearch,
    MealAnalysis,
    MealRepository,
    NutrientCompletion,
)
from ops.database import PROJECTIONS, Store, open_async_client, open_client
from ops.outages import Outages
from ops.outside_services import models, nutrient_services
from ops.settings import ServeSettings, StoreSettings, reveal
from projections import Projector, ProjectorGroup

_BESIDE_ANALYSIS_SECONDS = 5.0
"""What a request gets beyond the deadline of an analysis: for its appends, and for what it waits for before them."""
_LOCAL_ID_SECRET = "of the local environment alone"  # noqa: S105 - there is nothing to protect there
_ANALYSES_PER_HOUR, _ANALYSES_AT_ONCE = 30, 3
"""What one person may have at each replica, unless it is set."""


class ApiParts(NamedTuple):
    """The parts of the API that have adapters behind them, and of the work that it does in the background."""

    commands: CommandHandlers
    runs: AnalysisRuns
    completion: NutrientCompletion
    read_models: MongoReadModels
    authenticator: Authenticator
    checks: Callable[[], list[Check]]


@asynccontextmanager
async def open_api_parts(settings: ServeSettings, store: Store, outages: Outages) -> AsyncIterator[ApiParts]:
    """Commands, queries and authentication. At the end the analyses in hand reach their outcome, then all is closed."""
    async with AsyncExitStack() as opened:
        (model, chooser), databases = models(settings, outages), nutrient_services(settings, outages)
        for service in (model, chooser, *databases):
            if service is not None:
                opened.push_async_callback(service.aclose)
        meals = MealRepository(store.ledger, threads=settings.append_threads)
        opened.callback(meals.close)
        search = FoodSearch((FoodTable(), *databases))
        analysis = MealAnalysis(model, search, chooser=chooser)
        runs = AnalysisRuns(meals, analysis, deadline=analysis_deadline(settings))
        opened.push_async_callback(runs.drain)
        commands = CommandHandlers(
            meals,
            runs,
            limits=_analysis_limits(settings),
            id_secret=(reveal(settings.meal_id_secret) or _LOCAL_ID_SECRET).encode(),
            local_environment=settings.is_local,
        )

        client = await opened.enter_async_context(open_async_client(settings, "queries"))
        database = settings.mongodb_database
        positions = MongoLogPositions(client, database, store.events_collection)
        read_models = MongoReadModels(client, database, positions)
        completion = NutrientCompletion(
            read_models, meals, search, every=timedelta(seconds=settings.nutrients_retry_seconds)
        )

        authenticator = _authenticator(settings)
        issuer = authenticator if isinstance(authenticator, JwksAuthenticator) else None
        if issuer is not None:
            opened.push_async_callback(issuer.aclose)
            opened.enter_context(_in_background(issuer.keep_fresh()))

        def checks() -> list[Check]:
            usda, openfoodfacts = databases
            problems = {
                "OpenAI": model.misconfiguration,
                "USDA FoodData Central": usda.misconfiguration,
                "OpenFoodFacts": openfoodfacts.misconfiguration,
            }
            keys = [Check(name="token keys", problem=issuer.problem())] if issuer is not None else []
            return keys + [
                Check(name=name, problem=problem or outages.meaning(name), is_required=False)
                for name, problem in problems.items()
            ]

        yield ApiParts(commands, runs, completion, read_models, authenticator, checks)


@contextmanager
def _in_background(endless: Coroutine[None, None, None]) -> Iterator[None]:
    task = asyncio.create_task(endless)
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def open_projectors(settings: StoreSettings, store: Store) -> Iterator[ProjectorGroup]:
    """One projector for each read model, not yet started."""
    with open_client(settings, "projectors") as client:
        log = RecorderLogReader(store.recorder, store.mapper)
        yield ProjectorGroup(
            [
                Projector(
                    projection, log, MongoProjectionStore(client, settings.mongodb_database, projection)
                )
                for projection in PROJECTIONS
            ]
        )


def _analysis_limits(settings: ServeSettings) -> AnalysisLimits:
    """What is set, 0 being no limit; where nothing is, the defaults, of which the local environment has none."""
    hourly, at_once = settings.analyses_per_hour, settings.analyses_at_once
    if not settings.is_local:
        hourly = _ANALYSES_PER_HOUR if hourly is None else hourly
        at_once = _ANALYSES_AT_ONCE if at_once is None else at_once
    return AnalysisLimits(per_hour=hourly or None, at_once=at_once or None)


def analysis_deadline(settings: ServeSettings) -> timedelta:
    """The deadline of one whole analysis."""
    return timedelta(seconds=settings.analysis_deadline_seconds)


def request_deadline(settings: ServeSettings) -> timedelta:
    """The deadline of one whole request, from its arrival."""
    return analysis_deadline(settings) + timedelta(seconds=_BESIDE_ANALYSIS_SECONDS)


def _authenticator(settings: ServeSettings) -> SharedSecretAuthenticator | JwksAuthenticator:
    issuer, audience = settings.auth_issuer, settings.auth_audience
    longest_life = timedelta(seconds=settings.auth_max_token_life_seconds)
    secret = reveal(settings.auth_jwt_secret)
    if secret is not None:
        return SharedSecretAuthenticator(secret, issuer=issuer, audience=audience, longest_life=longest_life)
    assert settings.auth_jwks_url is not None  # noqa: S101 - ServeSettings has one of the two
    return JwksAuthenticator(
        settings.auth_jwks_url,
        issuer=issuer,
        audience=audience,
        longest_life=longest_life,
        allow_loopback_http=settings.is_local,
    )
