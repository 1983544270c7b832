"""Tokens of the local environment."""

import time

import jwt
import pytest

from ops.settings import Settings
from ops.tokens import NoTokenHere, issue_token

SECRET = "0123456789abcdef0123456789abcdef"


def local(**changes: object) -> Settings:
    values = {"app_env": "local", "auth_jwt_secret": SECRET, "auth_issuer": "here", "auth_audience": "ledger"}
    return Settings.model_construct(**Settings.model_validate(values | changes).__dict__)


def test_a_token_has_the_claims_that_the_api_wants() -> None:
    claims = jwt.decode(
        issue_token(local(), "alice", ["analyst", "operator"]),
        SECRET,
        algorithms=["HS256"],
        issuer="here",
        audience="ledger",
        options={"require": ["exp", "iat", "sub", "iss", "aud"]},
    )
    assert claims["sub"] == "alice"
    assert claims["roles"] == ["analyst", "operator"]
    assert claims["exp"] - claims["iat"] == 12 * 60 * 60
    assert abs(claims["iat"] - time.time()) < 60


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_deployment_makes_no_tokens(environment: str) -> None:
    with pytest.raises(NoTokenHere, match=f"APP_ENV is {environment}"):
        issue_token(local(app_env=environment, auth_jwt_secret=None), "alice")


@pytest.mark.parametrize("name", ["auth_jwt_secret", "auth_issuer", "auth_audience"])
def test_what_is_missing_is_said(name: str) -> None:
    with pytest.raises(NoTokenHere, match=r"is missing: start `make run` first"):
        issue_token(local(**{name: None}), "alice")


def test_a_blank_user_is_refused() -> None:
    with pytest.raises(NoTokenHere, match="--user"):
        issue_token(local(), "  ")
