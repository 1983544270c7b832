"""The settings of a local environment: the user's, completed by those that the environment itself provides."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ops.errors import OperatorError
from ops.local.ports import LOOPBACK

ISSUER = "meal-ledger-local"
AUDIENCE = "meal-ledger"
STAND_IN_KEY = "local-stand-in"


class FoodAddresses(Protocol):
    """Where the local food services answer."""

    @property
    def openai_base_url(self) -> str: ...
    @property
    def usda_base_url(self) -> str: ...
    @property
    def openfoodfacts_base_url(self) -> str: ...
    @property
    def openfoodfacts_search_url(self) -> str: ...


class IncompleteService(OperatorError):
    """A service has an address but no key."""


@dataclass(frozen=True)
class StandIns:
    """The outside services that the local environment stands in for, since their keys are absent."""

    openai: bool
    usda: bool

    @property
    def any(self) -> bool:
        return self.openai or self.usda


def stand_ins(environ: Mapping[str, str]) -> StandIns:
    """Decide by the keys in the environment.

    Raises IncompleteService for an address without a key: a stand-in must not take the place of a server
    that the user named.
    """
    for key, address in (("OPENAI_API_KEY", "OPENAI_BASE_URL"), ("USDA_API_KEY", "USDA_BASE_URL")):
        if environ.get(address) and not environ.get(key):
            raise IncompleteService(
                f"{address} is set without {key}: set both, or neither for the local stand-in"
            )
    return StandIns(openai=not environ.get("OPENAI_API_KEY"), usda=not environ.get("USDA_API_KEY"))


def local_values(
    environ: Mapping[str, str],
    kept: Mapping[str, str],
    *,
    host: str = LOOPBACK,
    port: int,
    mongodb_url: str,
    food_addresses: FoodAddresses | None,
) -> dict[str, str]:
    """The settings to write to `local.env`, which the started processes get too.

    `kept` are the former values of the file: its signing secret stays, so that tokens outlive a restart. Keys of real
    services are not written: they stay in the user's environment. `food_addresses` are the stand-ins',
    if they run.
    """
    values = {
        "APP_ENV": "local",
        "PORT": str(port),
        "API_HOST": host,
        "MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": environ.get("MONGODB_DATABASE") or "meal_ledger",
        "AUTH_JWT_SECRET": environ.get("AUTH_JWT_SECRET")
        or kept.get("AUTH_JWT_SECRET")
        or secrets.token_hex(32),
        "AUTH_ISSUER": environ.get("AUTH_ISSUER") or ISSUER,
        "AUTH_AUDIENCE": environ.get("AUTH_AUDIENCE") or AUDIENCE,
    }
    missing = stand_ins(environ)
    if food_addresses and missing.openai:
        values |= {"OPENAI_API_KEY": STAND_IN_KEY, "OPENAI_BASE_URL": food_addresses.openai_base_url}
    if food_addresses and missing.usda:
        values |= {
            "USDA_API_KEY": STAND_IN_KEY,
            "USDA_BASE_URL": food_addresses.usda_base_url,
            "OPENFOODFACTS_BASE_URL": environ.get("OPENFOODFACTS_BASE_URL")
            or food_addresses.openfoodfacts_base_url,
            "OPENFOODFACTS_SEARCH_URL": environ.get("OPENFOODFACTS_SEARCH_URL")
            or food_addresses.openfoodfacts_search_url,
        }
    return values


def child_environment(environ: Mapping[str, str], values: Mapping[str, str], data: str) -> dict[str, str]:
    """The environment of the API and the projectors: the user's own, completed by `values`.

    Tokens are checked with the local secret, whatever key set the user's environment names.
    """
    theirs = {name: value for name, value in environ.items() if name != "AUTH_JWKS_URL"}
    return theirs | dict(values) | {"DATA": data}
