"""The settings of a local environment, and those left to the user."""

from dataclasses import dataclass

import pytest

from ops.local.local_values import (
    STAND_IN_KEY,
    IncompleteService,
    child_environment,
    local_values,
    stand_ins,
)


@dataclass(frozen=True)
class Addresses:
    openai_base_url: str = "http://stand-in/openai"
    usda_base_url: str = "http://stand-in/usda"
    openfoodfacts_base_url: str = "http://stand-in/off"
    openfoodfacts_search_url: str = "http://stand-in/off/search"


def values(environ: dict[str, str], kept: dict[str, str] | None = None) -> dict[str, str]:
    addresses = Addresses() if stand_ins(environ).any else None
    return local_values(
        environ, kept or {}, port=8123, mongodb_url="mongodb://here", food_addresses=addresses
    )


def test_without_keys_every_service_is_stood_in_for() -> None:
    made = values({})
    assert made["OPENAI_API_KEY"] == made["USDA_API_KEY"] == STAND_IN_KEY
    assert made["OPENAI_BASE_URL"] == "http://stand-in/openai"
    assert made["USDA_BASE_URL"] == "http://stand-in/usda"
    assert made["OPENFOODFACTS_BASE_URL"] == "http://stand-in/off"
    assert made["OPENFOODFACTS_SEARCH_URL"] == "http://stand-in/off/search"
    assert (made["APP_ENV"], made["PORT"], made["MONGODB_URL"]) == ("local", "8123", "mongodb://here")


def test_both_keys_select_the_real_services_and_stay_unwritten() -> None:
    made = values(
        {"OPENAI_API_KEY": "sk-mine", "USDA_API_KEY": "mine", "OPENAI_BASE_URL": "http://compatible/v1"}
    )
    assert not [name for name in made if name.startswith(("OPENAI", "USDA", "OPENFOODFACTS"))]
    assert "mine" not in " ".join(made.values())


def test_each_key_counts_for_its_own_service() -> None:
    made = values({"OPENAI_API_KEY": "sk-mine"})
    assert "OPENAI_BASE_URL" not in made
    assert made["USDA_BASE_URL"] == "http://stand-in/usda"
    made = values({"USDA_API_KEY": "mine", "OPENAI_API_KEY": ""})
    assert made["OPENAI_BASE_URL"] == "http://stand-in/openai"
    assert not [name for name in made if name.startswith(("USDA", "OPENFOODFACTS"))]


def test_a_given_openfoodfacts_address_stays() -> None:
    made = values({"OPENFOODFACTS_BASE_URL": "http://mine"})
    assert made["OPENFOODFACTS_BASE_URL"] == "http://mine"
    assert made["OPENFOODFACTS_SEARCH_URL"] == "http://stand-in/off/search"


@pytest.mark.parametrize("service", ["OPENAI", "USDA"])
def test_an_address_without_a_key_is_refused(service: str) -> None:
    with pytest.raises(IncompleteService, match=f"^{service}_BASE_URL is set without {service}_API_KEY"):
        stand_ins({f"{service}_BASE_URL": "http://mine"})


def test_the_secret_is_random_long_and_kept() -> None:
    first, second = values({})["AUTH_JWT_SECRET"], values({})["AUTH_JWT_SECRET"]
    assert first != second
    assert len(first) >= 32
    assert values({}, {"AUTH_JWT_SECRET": first})["AUTH_JWT_SECRET"] == first
    assert values({"AUTH_JWT_SECRET": "given"}, {"AUTH_JWT_SECRET": first})["AUTH_JWT_SECRET"] == "given"


def test_children_get_the_users_environment_completed() -> None:
    environ = {"PATH": "/bin", "LOG_LEVEL": "DEBUG", "APP_ENV": "production", "AUTH_JWKS_URL": "https://id"}
    child = child_environment(environ, values(environ), "/data")
    assert child["PATH"] == "/bin"
    assert child["LOG_LEVEL"] == "DEBUG"
    assert child["APP_ENV"] == "local"
    assert child["DATA"] == "/data"
    assert "AUTH_JWKS_URL" not in child
