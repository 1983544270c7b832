"""The settings: environment variables, read and checked once, at the start of a process.

In the local environment the file `$DATA/local.env`, written by `make run`, completes the environment.
A table in the README explains every name.
"""

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ops.errors import BadSettings
from ops.setting_types import (
    ApiKey,
    DatabaseName,
    HttpUrl,
    MongoUrl,
    Name,
    Origins,
    RedisUrl,
    Seconds,
    SentryDsn,
    SigningSecret,
)

_CARRY_KEYS_OR_HEALTH_DATA = (
    "auth_jwks_url",
    "openai_base_url",
    "usda_base_url",
    "openfoodfacts_base_url",
    "openfoodfacts_search_url",
)
"""Addresses that must not be reached in plain text outside the local environment."""

LOCAL_ENV_FILE = "local.env"
DEFAULT_DATA = "var"


def installed_version() -> str:
    """The version of the installed package, "0+unknown" in a source tree that is not installed."""
    try:
        return version("meal-ledger")
    except PackageNotFoundError:
        return "0+unknown"


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Settings(BaseSettings):
    """Everything that can be set. Each value is checked; whether it must be there depends on the command."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    app_env: Literal["local", "test", "staging", "production"] = "production"
    app_version: Name = Field(default_factory=installed_version)
    app_commit: Name | None = None
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = "INFO"
    api_host: Name = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    cors_allowed_origins: Origins = ()
    hsts_max_age_seconds: Annotated[int, Field(ge=0, le=10 * 365 * 86400)] = 0
    shutdown_delay_seconds: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 0.0
    api_keep_alive_seconds: Seconds = 75.0
    api_max_connections: Annotated[int, Field(ge=1, le=100_000)] = 1000

    mongodb_url: MongoUrl | None = None
    mongodb_database: DatabaseName = "meal_ledger"
    mongodb_driver: Literal["motor", "pymongo"] = "motor"
    mongodb_max_pool_size: Annotated[int, Field(ge=1, le=10_000)] = 100
    mongodb_min_pool_size: Annotated[int, Field(ge=0, le=10_000)] = 0
    append_threads: Annotated[int, Field(ge=1, le=256)] = 16

    analysis_deadline_seconds: Seconds = 30.0
    analyses_per_hour: Annotated[int, Field(ge=0, le=100_000)] | None = None
    analyses_at_once: Annotated[int, Field(ge=0, le=10_000)] | None = None
    openai_api_key: ApiKey | None = None
    openai_base_url: HttpUrl = "https://api.openai.com/v1"
    openai_model: Name = "gpt-5.4-mini"
    openai_max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    openai_timeout_seconds: Seconds = 20.0
    openai_prices_file: Path | None = None
    openai_max_cost_per_hour: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    food_choice: Annotated[Literal["score", "model"], BeforeValidator(_lower)] = "score"
    usda_api_key: ApiKey | None = None
    usda_base_url: HttpUrl = "https://api.nal.usda.gov/fdc/v1"
    openfoodfacts_base_url: HttpUrl = "https://world.openfoodfacts.org"
    openfoodfacts_search_url: HttpUrl = "https://world.openfoodfacts.org/cgi/search.pl"
    circuit_breaker_failure_threshold: Annotated[int, Field(ge=1, le=1000)] = 5
    circuit_breaker_recovery_timeout: Seconds = 30.0
    nutrients_retry_seconds: Seconds = 30.0

    meal_id_secret: SigningSecret | None = None
    auth_jwt_secret: SigningSecret | None = None
    auth_jwks_url: HttpUrl | None = None
    auth_issuer: Name | None = None
    auth_audience: Name | None = None
    auth_max_token_life_seconds: Annotated[int, Field(ge=60, le=365 * 86400)] = 86400

    redis_url: RedisUrl | None = None
    redis_max_connections: Annotated[int, Field(ge=1, le=10_000)] = 50
    redis_socket_timeout: Seconds = 2.0
    sentry_dsn: SentryDsn | None = None
    sentry_environment: Name | None = None
    sentry_traces_sample_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    feature_flag_new_meal_domain: bool = True
    rollout_percentage: Annotated[int, Field(ge=0, le=100)] = 100

    @property
    def is_local(self) -> bool:
        """Whether http photo URLs and a shared signing secret are allowed."""
        return self.app_env in {"local", "test"}

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.mongodb_min_pool_size > self.mongodb_max_pool_size:
            raise ValueError("MONGODB_MIN_POOL_SIZE: must not exceed MONGODB_MAX_POOL_SIZE")
        if self.auth_jwt_secret and self.auth_jwks_url:
            raise ValueError("AUTH_JWT_SECRET: set either this or AUTH_JWKS_URL, not both")
        if self.is_local:
            return self
        if self.auth_jwt_secret:
            raise ValueError(
                f"AUTH_JWT_SECRET: not allowed with APP_ENV={self.app_env}, which wants AUTH_JWKS_URL; "
                "a shared secret is for APP_ENV=local"
            )
        for name in _CARRY_KEYS_OR_HEALTH_DATA:
            url = getattr(self, name)
            if url and not url.startswith("https://"):
                raise ValueError(f"{name.upper()}: must be https with APP_ENV={self.app_env}")
        return self


class StoreSettings(Settings):
    """What `project` and `init` need: the database."""

    mongodb_url: MongoUrl


class ServeSettings(StoreSettings):
    """What `serve` needs: the database, the outside services, and how tokens are checked."""

    openai_api_key: ApiKey
    usda_api_key: ApiKey
    auth_issuer: Name
    auth_audience: Name


AnySettings = TypeVar("AnySettings", bound=Settings)


def load_settings(kind: type[AnySettings]) -> AnySettings:
    """Read the environment, and `$DATA/local.env` where it applies.

    Raises BadSettings, which names every bad value, else every missing one.
    """
    env_file = local_env_file(os.environ)
    given = _checked(Settings, env_file)
    missing = [
        name.upper()
        for name, field in kind.model_fields.items()
        if field.is_required() and getattr(given, name) is None
    ]
    if issubclass(kind, ServeSettings) and not (given.auth_jwt_secret or given.auth_jwks_url):
        missing.append("AUTH_JWT_SECRET or AUTH_JWKS_URL")
    if issubclass(kind, ServeSettings) and not (given.meal_id_secret or given.is_local):
        missing.append("MEAL_ID_SECRET")
    if missing:
        raise BadSettings(
            f"settings are missing: {', '.join(missing)}; set them in the environment, "
            "or start the local environment with `make run`"
        )
    return _checked(kind, env_file)


def check_settings(values: Mapping[str, str], env_file: Path) -> None:
    """Check what `serve` would start with, were `values` put into the environment of this process.

    Raises BadSettings, which names every bad value. `env_file` is the file that `values` keep something from,
    if it is there.
    """
    try:
        ServeSettings.model_validate({name.lower(): value or None for name, value in values.items()})
    except ValidationError as error:
        raise BadSettings(_complaints(error, env_file)) from None


def data_folder(environ: Mapping[str, str]) -> Path:
    """The folder of the local environment: DATA, `var` where it is not set."""
    return Path(environ.get("DATA") or DEFAULT_DATA)


def local_env_file(environ: Mapping[str, str]) -> Path | None:
    """The file with the settings of the local environment, if this process belongs to it.

    With an APP_ENV other than local in the environment there is none: a forgotten file must not complete
    the settings of a deployment.
    """
    if environ.get("APP_ENV") not in {None, "", "local"}:
        return None
    file = data_folder(environ) / LOCAL_ENV_FILE
    return file if file.is_file() else None


def env_file_that_sets(name: str) -> Path | None:
    """The file `local.env` if a setting comes from there, and not from the environment."""
    return None if _is_given(name, os.environ) else local_env_file(os.environ)


def _checked(kind: type[AnySettings], env_file: Path | None) -> AnySettings:
    try:
        return kind(_env_file=env_file)
    except ValidationError as error:
        raise BadSettings(_complaints(error, env_file)) from None
    except OSError as error:
        raise BadSettings(f"{env_file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSettings(f"{env_file}: is no text (UTF-8): remove it, `make run` writes it again") from None


def _complaints(error: ValidationError, env_file: Path | None) -> str:
    """One phrase per bad setting, with its name and without its value, and the file if that is where it is set."""
    phrases = []
    for detail in error.errors(include_input=False, include_url=False, include_context=False):
        message = detail["msg"].removeprefix("Value error, ")
        if detail["loc"]:
            message = f"{str(detail['loc'][0]).upper()}: {message[:1].lower()}{message[1:]}"
        if env_file and not _is_given(message.partition(":")[0], os.environ):
            message += f" (from {env_file}; if you remove that file, `make run` writes it again)"
        phrases.append(message)
    return "; ".join(phrases)


def _is_given(name: str, environ: Mapping[str, str]) -> bool:
    """Whether the environment has a value for the setting, in whatever case it is spelled there."""
    return any(value and key.upper() == name for key, value in environ.items())


def reveal(secret: SecretStr | None) -> str | None:
    """The value of a secret, for its user."""
    return secret.get_secret_value() if secret else None
