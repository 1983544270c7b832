"""The settings are read once, checked, and never shown."""

from pathlib import Path

import pytest

from ops.errors import BadSettings
from ops.settings import ServeSettings, Settings, StoreSettings, load_settings

SECRET = "s3cret-" * 6
COMPLETE = {
    "APP_ENV": "production",
    "MONGODB_URL": "mongodb://ledger:hunter2@db1,db2/?replicaSet=rs0",
    "OPENAI_API_KEY": "sk-hunter2",
    "MEAL_ID_SECRET": "hunter2 of at least thirty-two bytes",
    "USDA_API_KEY": "usda-hunter2",
    "AUTH_JWKS_URL": "https://id.example.com/jwks.json",
    "AUTH_ISSUER": "https://id.example.com",
    "AUTH_AUDIENCE": "meal-ledger",
}


@pytest.fixture(autouse=True)
def only_these(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests, and an empty DATA folder."""
    for name in (*Settings.model_fields, *ServeSettings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATA", str(tmp_path))


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_defaults_are_those_of_production() -> None:
    settings = load_settings(Settings)
    assert settings.app_env == "production"
    assert not settings.is_local
    assert settings.mongodb_url is None
    assert settings.mongodb_driver == "motor"
    assert settings.analysis_deadline_seconds == 30.0
    assert settings.app_version


def test_complete_settings_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **COMPLETE)
    settings = load_settings(ServeSettings)
    assert settings.mongodb_url.get_secret_value() == COMPLETE["MONGODB_URL"]
    assert settings.auth_jwks_url == COMPLETE["AUTH_JWKS_URL"]


BAD_VALUES = [
    ("APP_ENV", "prod"),
    ("APP_VERSION", "x" * 201),
    ("LOG_LEVEL", "CHATTY"),
    ("FOOD_CHOICE", "dice"),
    ("PORT", "80x0"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("MONGODB_URL", "db.example.com:27017"),
    ("MONGODB_URL", "postgres://hunter2@db"),
    ("MONGODB_URL", "mongodb://"),
    ("MONGODB_URL", "mongodb://hunter2@db/?tls=True"),
    ("MONGODB_URL", "mongodb://db/?tls=yes"),
    ("MONGODB_URL", "mongodb://db/?tls=1"),
    ("MONGODB_URL", "mongodb+srv://hunter2:hunter2@db/?tlss=true"),
    ("MONGODB_URL", "mongodb://db/?tls"),
    ("AUTH_ISSUER", "  "),
    ("AUTH_AUDIENCE", "\t"),
    ("MONGODB_DATABASE", "a.b"),
    ("MONGODB_DATABASE", "x" * 64),
    ("MONGODB_DRIVER", "sqlite"),
    ("MONGODB_MAX_POOL_SIZE", "0"),
    ("MONGODB_MIN_POOL_SIZE", "-1"),
    ("MONGODB_MIN_POOL_SIZE", "101"),
    ("APPEND_THREADS", "0"),
    ("ANALYSIS_DEADLINE_SECONDS", "0"),
    ("ANALYSIS_DEADLINE_SECONDS", "nan"),
    ("ANALYSIS_DEADLINE_SECONDS", "inf"),
    ("OPENAI_API_KEY", "hunter2 two"),
    ("OPENAI_BASE_URL", "ftp://hunter2.example.com"),
    ("OPENAI_BASE_URL", "https://user:hunter2@example.com"),
    ("OPENAI_BASE_URL", "https://example.com/?key=hunter2"),
    ("OPENAI_BASE_URL", "https://example.com:99999"),
    ("OPENAI_MAX_RETRIES", "11"),
    ("OPENAI_TIMEOUT_SECONDS", "-1"),
    ("USDA_API_KEY", "hunter2\n"),
    ("USDA_BASE_URL", "api.nal.usda.gov"),
    ("OPENFOODFACTS_BASE_URL", "https://"),
    ("OPENFOODFACTS_SEARCH_URL", "x"),
    ("CIRCUIT_BREAKER_FAILURE_THRESHOLD", "0"),
    ("CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "0"),
    ("AUTH_JWKS_URL", "http://id.example.com/jwks.json"),
    ("AUTH_JWKS_URL", "https://[hunter2"),
    ("REDIS_URL", "http://hunter2@cache"),
    ("REDIS_MAX_CONNECTIONS", "0"),
    ("REDIS_SOCKET_TIMEOUT", "0"),
    ("SENTRY_DSN", "hunter2"),
    ("SENTRY_TRACES_SAMPLE_RATE", "1.5"),
    ("FEATURE_FLAG_NEW_MEAL_DOMAIN", "perhaps"),
    ("ROLLOUT_PERCENTAGE", "101"),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """On one line."""
    given(monkeypatch, **{**COMPLETE, name: value})
    with pytest.raises(BadSettings) as refused:
        load_settings(ServeSettings)
    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    assert "hunter2" not in message
    assert refused.value.__cause__ is None


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, PORT="x", OPENAI_MAX_RETRIES="many")
    with pytest.raises(BadSettings, match=r"PORT: .*; OPENAI_MAX_RETRIES: "):
        load_settings(Settings)


def test_serve_names_everything_that_is_missing() -> None:
    with pytest.raises(BadSettings) as refused:
        load_settings(ServeSettings)
    message = str(refused.value)
    for name in ("MONGODB_URL", "OPENAI_API_KEY", "USDA_API_KEY", "AUTH_ISSUER", "AUTH_AUDIENCE"):
        assert name in message
    assert "AUTH_JWT_SECRET or AUTH_JWKS_URL" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "name", ["MONGODB_URL", "OPENAI_API_KEY", "USDA_API_KEY", "AUTH_ISSUER", "AUTH_AUDIENCE"]
)
def test_serve_wants_each_of_its_settings(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    given(monkeypatch, **{**COMPLETE, name: ""})
    with pytest.raises(BadSettings, match=rf"^settings are missing: {name};"):
        load_settings(ServeSettings)


def test_the_projectors_want_the_database_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettings, match=r"^settings are missing: MONGODB_URL;"):
        load_settings(StoreSettings)
    given(monkeypatch, MONGODB_URL=COMPLETE["MONGODB_URL"])
    assert load_settings(StoreSettings).mongodb_database == "meal_ledger"


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_deployment_refuses_a_shared_secret(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    given(monkeypatch, **{**COMPLETE, "APP_ENV": environment, "AUTH_JWKS_URL": "", "AUTH_JWT_SECRET": SECRET})
    with pytest.raises(BadSettings, match=f"^AUTH_JWT_SECRET: not allowed with APP_ENV={environment}"):
        load_settings(ServeSettings)


@pytest.mark.parametrize("environment", ["local", "test"])
def test_a_local_environment_takes_a_secret_of_32_bytes(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    given(
        monkeypatch, **{**COMPLETE, "APP_ENV": environment, "AUTH_JWKS_URL": "", "AUTH_JWT_SECRET": "é" * 16}
    )
    assert load_settings(ServeSettings).is_local
    given(monkeypatch, AUTH_JWT_SECRET="x" * 31)
    with pytest.raises(BadSettings, match=r"^AUTH_JWT_SECRET: must be at least 32 bytes long$"):
        load_settings(ServeSettings)


def test_a_secret_and_a_key_set_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **{**COMPLETE, "APP_ENV": "local", "AUTH_JWT_SECRET": SECRET})
    with pytest.raises(BadSettings, match=r"^AUTH_JWT_SECRET: set either this or AUTH_JWKS_URL, not both$"):
        load_settings(ServeSettings)


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given(
        monkeypatch,
        **COMPLETE,
        REDIS_URL="redis://:hunter2@cache",
        SENTRY_DSN="https://hunter2@sentry.example.com/1",
    )
    settings = load_settings(ServeSettings)
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings(Settings).port = 1  # type: ignore[misc]  # the refusal at run time is the point


class TestLocalEnvFile:
    """`$DATA/local.env` completes the environment of a local process."""

    @pytest.fixture(autouse=True)
    def local_env(self, tmp_path: Path) -> None:
        (tmp_path / "local.env").write_text(
            f"APP_ENV='local'\nMONGODB_URL='mongodb://127.0.0.1:1234'\nAUTH_JWT_SECRET='{SECRET}'\nPORT='8123'\n"
        )

    def test_it_is_found_by_the_variable_data(self) -> None:
        settings = load_settings(StoreSettings)
        assert settings.app_env == "local"
        assert settings.mongodb_url.get_secret_value() == "mongodb://127.0.0.1:1234"

    def test_it_is_in_the_folder_var_without_the_variable(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "var").mkdir()
        (tmp_path / "local.env").rename(tmp_path / "var" / "local.env")
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("DATA")
        assert load_settings(Settings).port == 8123

    def test_the_environment_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given(monkeypatch, MONGODB_URL="mongodb://elsewhere", APP_ENV="local")
        settings = load_settings(StoreSettings)
        assert settings.mongodb_url.get_secret_value() == "mongodb://elsewhere"
        assert settings.port == 8123

    def test_an_empty_variable_does_not_hide_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given(monkeypatch, PORT="")
        assert load_settings(Settings).port == 8123

    @pytest.mark.parametrize("environment", ["test", "staging", "production"])
    def test_a_deployment_does_not_read_it(self, monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
        given(monkeypatch, APP_ENV=environment)
        with pytest.raises(BadSettings, match="MONGODB_URL"):
            load_settings(StoreSettings)

    def test_a_bad_value_in_it_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "local.env").write_text("PORT='none'\n")
        with pytest.raises(BadSettings, match=rf"^PORT: .+ \(from {tmp_path}/local\.env; "):
            load_settings(Settings)

    def test_an_environment_value_is_not_blamed_on_the_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given(monkeypatch, PORT="none")
        with pytest.raises(BadSettings, match=r"^PORT: [^()]+$"):
            load_settings(Settings)
