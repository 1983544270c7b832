"""The composition root: builds the adapters from the settings and hands them to the other rooms."""

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from typing import NamedTuple

import msgspec
from eventsourcing.persistence import PersistenceError

from adapters.circuit_breaker import InterlockBreaker
from adapters.mongo.client import ClientSettings, close_async_client, make_async_client, make_client
from adapters.mongo.event_store import MongoApplicationRecorder, MongoFactory
from adapters.mongo.log_positions import MongoLogPositions
from adapters.mongo_projections.projection_log import RecorderEventLog
from adapters.mongo_projections.projection_store import MongoProjectionStore, create_indexes
from adapters.mongo_projections.read_models import MongoReadModels
from adapters.openai_recognizer import OpenAIRecognizer
from adapters.openfoodfacts import OpenFoodFactsDatabase
from adapters.prices import PriceTable
from adapters.resilience import Resilience
from adapters.usda import UsdaDatabase
from api import Authenticator, JwksAuthenticator, SharedSecretAuthenticator
from ledger import MealLedger, TypedEventMapper
from ledger.analysis import MealAnalysis
from ledger.command_handlers import CommandHandlers
from ledger.repository import MealRepository
from ops.errors import OperatorError
from ops.settings import ServeSettings, StoreSettings, env_file_that_sets, reveal
from projections import DAILY_SUMMARIES, MEALS, Projection, Projector, ProjectorGroup

PROJECTIONS: tuple[Projection, ...] = (MEALS, DAILY_SUMMARIES)

_SHARE_OF_DEADLINE = 0.8
"""How much of an analysis' deadline one call to a service may take, its retries included."""
_FALL_BACK_SECONDS = 3.0
"""The same for a database that is only asked for what the first one lacks: nobody should wait long for it."""


class Store(NamedTuple):
    """The event-sourced application over MongoDB, with what only this adapter has."""

    ledger: MealLedger
    recorder: MongoApplicationRecorder
    mapper: TypedEventMapper
    events_collection: str


class ApiParts(NamedTuple):
    """What the API is made of."""

    commands: CommandHandlers
    read_models: MongoReadModels
    authenticator: Authenticator


@contextmanager
def database_errors() -> Iterator[None]:
    """Say in one line that the database cannot be used, and why."""
    try:
        yield
    except PersistenceError as error:
        raise OperatorError(f"{_what_is_wrong_with_mongodb()}: {error}") from error


def _what_is_wrong_with_mongodb() -> str:
    env_file = env_file_that_sets("MONGODB_URL")
    if env_file is None:
        return "MongoDB (MONGODB_URL) cannot be used"
    return (
        f"MongoDB cannot be used at the MONGODB_URL that comes from {env_file}, probably because `make run` "
        f"is not running for DATA={env_file.parent} (start it, or set MONGODB_URL)"
    )


@contextmanager
def open_store(settings: StoreSettings) -> Iterator[Store]:
    """The ledger's store, its indexes ensured. Raises OperatorError when the database cannot be used."""
    with database_errors():
        ledger = MealLedger(env=_store_environment(settings))
    try:
        assert isinstance(ledger.factory, MongoFactory)  # noqa: S101 - the environment above names it
        assert isinstance(ledger.recorder, MongoApplicationRecorder)  # noqa: S101
        assert isinstance(ledger.mapper, TypedEventMapper)  # noqa: S101
        yield Store(
            ledger,
            ledger.recorder,
            ledger.mapper,
            ledger.factory.datastore.settings.collection_name("events"),
        )
    finally:
        ledger.close()


def _store_environment(settings: StoreSettings) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "adapters.mongo.event_store",
        "MONGODB_URL": settings.mongodb_url.get_secret_value(),
        "MONGODB_DATABASE": settings.mongodb_database,
        "MONGODB_MAX_POOL_SIZE": str(settings.mongodb_max_pool_size),
        "MONGODB_MIN_POOL_SIZE": str(settings.mongodb_min_pool_size),
    }


def _client_settings(settings: StoreSettings, part: str) -> ClientSettings:
    return ClientSettings(
        url=settings.mongodb_url.get_secret_value(),
        app_name=f"{MealLedger.name}-{part}",
        max_pool_size=settings.mongodb_max_pool_size,
        min_pool_size=settings.mongodb_min_pool_size,
    )


@asynccontextmanager
async def open_api_parts(settings: ServeSettings, store: Store) -> AsyncIterator[ApiParts]:
    """Commands, queries and authentication. At the end the analyses in hand reach their outcome, then all is closed."""
    async with AsyncExitStack() as opened:
        recognizer, databases = _outside_services(settings)
        for service in (recognizer, *databases):
            opened.push_async_callback(service.aclose)
        meals = MealRepository(store.ledger, threads=settings.append_threads)
        opened.callback(meals.close)
        commands = CommandHandlers(
            meals,
            MealAnalysis(recognizer, databases),
            deadline=analysis_deadline(settings),
            local_environment=settings.is_local,
        )
        opened.push_async_callback(commands.drain)
        client = make_async_client(_client_settings(settings, "queries"), settings.mongodb_driver)
        opened.push_async_callback(close_async_client, client)
        database = settings.mongodb_database
        positions = MongoLogPositions(client, database, store.events_collection)
        yield ApiParts(
            commands,
            MongoReadModels(client, database, positions),
            _authenticator(settings, opened),
        )


def analysis_deadline(settings: ServeSettings) -> timedelta:
    """The deadline of one whole analysis."""
    return timedelta(seconds=settings.analysis_deadline_seconds)


def _outside_services(
    settings: ServeSettings,
) -> tuple[OpenAIRecognizer, tuple[UsdaDatabase, OpenFoodFactsDatabase]]:
    return (
        OpenAIRecognizer(
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key.get_secret_value(),
            model=settings.openai_model,
            resilience=_resilience(settings, "OpenAI"),
            prices=_prices(settings),
        ),
        (
            UsdaDatabase(
                base_url=settings.usda_base_url,
                api_key=settings.usda_api_key.get_secret_value(),
                resilience=_resilience(settings, "USDA FoodData Central"),
            ),
            OpenFoodFactsDatabase(
                search_url=settings.openfoodfacts_search_url,
                resilience=_resilience(settings, "OpenFoodFacts", most_seconds=_FALL_BACK_SECONDS),
                version=settings.app_version,
            ),
        ),
    )


def _resilience(settings: ServeSettings, service: str, most_seconds: float = math.inf) -> Resilience:
    # An attempt ends before the analysis does, so that the breaker learns of a service that never answers.
    budget = min(_SHARE_OF_DEADLINE * settings.analysis_deadline_seconds, most_seconds)
    return Resilience(
        service,
        attempts=settings.openai_max_retries + 1,
        attempt_timeout=min(settings.openai_timeout_seconds, budget),
        budget=budget,
        breaker=InterlockBreaker(
            service,
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
        raise OperatorError(f"OPENAI_PRICES_FILE cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise OperatorError(f"OPENAI_PRICES_FILE is no table of prices: {error}") from error


def _authenticator(settings: ServeSettings, opened: AsyncExitStack) -> Authenticator:
    issuer, audience = settings.auth_issuer, settings.auth_audience
    secret = reveal(settings.auth_jwt_secret)
    if secret is not None:
        return SharedSecretAuthenticator(secret, issuer=issuer, audience=audience)
    assert settings.auth_jwks_url is not None  # noqa: S101 - ServeSettings has one of the two
    authenticator = JwksAuthenticator(
        settings.auth_jwks_url, issuer=issuer, audience=audience, allow_loopback_http=settings.is_local
    )
    opened.push_async_callback(authenticator.aclose)
    return authenticator


@contextmanager
def open_projectors(settings: StoreSettings, store: Store) -> Iterator[ProjectorGroup]:
    """One projector for each read model, not yet started."""
    client = make_client(_client_settings(settings, "projectors"))
    with client:
        log = RecorderEventLog(store.recorder, store.mapper)
        yield ProjectorGroup(
            [
                Projector(
                    projection, log, MongoProjectionStore(client, settings.mongodb_database, projection)
                )
                for projection in PROJECTIONS
            ]
        )


def initialise(settings: StoreSettings) -> list[str]:
    """Create the collections and indexes that are missing; a line for each thing that is there now."""
    with open_store(settings) as store, make_client(_client_settings(settings, "init")) as client:
        database = client[settings.mongodb_database]
        for projection in PROJECTIONS:
            create_indexes(database, projection)
        return [f"event log {store.events_collection}"] + [
            f"read model {projection.storage}" for projection in PROJECTIONS
        ]
