"""Secrets and personal data stay out of the logs, wherever they turn up in a record."""

import pytest

from ops.redaction import REDACTED, redact, redact_text

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "access_token",
        "Authorization",
        "x-api-key",
        "openai_api_key",
        "AUTH_JWT_SECRET",
        "password",
        "cookie",
        "photo_url",
        "photoUrl",
        "notes",
        "dish_hint",
        "dishHint",
        "hint",
        "sentry_dsn",
        "dsn",
        "mongodb_url",
        "personal",
    ],
)
def test_a_value_is_dropped_by_its_key(key: str) -> None:
    assert redact(None, "info", {"event": "e", key: "hunter2"}) == {"event": "e", key: REDACTED}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input_tokens", 812),
        ("tokens", 12),
        ("meal_id", "0d9f"),
        ("status", "ANALYZED"),
        ("token", None),
        ("ok", True),
    ],
)
def test_harmless_values_stay(key: str, value: object) -> None:
    assert redact(None, "info", {key: value}) == {key: value}


def test_values_inside_values_are_dropped_too() -> None:
    event = {
        "request": {"headers": [{"authorization": "hunter2"}], "photoUrl": "hunter2"},
        "pair": ("a", {"note": "n"}),
    }
    assert redact(None, "info", event) == {
        "request": {"headers": [{"authorization": REDACTED}], "photoUrl": REDACTED},
        "pair": ["a", {"note": REDACTED}],
    }


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("connect mongodb+srv://u:hunter2@db/x failed", f"connect mongodb+srv://{REDACTED}@db/x failed"),
        ("redis://:hunter2@cache:6379/0", f"redis://{REDACTED}@cache:6379/0"),
        ("https://hunter2@sentry.example.com/1", f"https://{REDACTED}@sentry.example.com/1"),
        ("Authorization: Bearer hunter2hunter2", f"Authorization: Bearer {REDACTED}"),
        (f"a token {TOKEN}, alone", f"a token {REDACTED}, alone"),
        ("GET /foods?api_key=hunter2&page=2", f"GET /foods?api_key={REDACTED}&page=2"),
        ("Incorrect API key provided: sk-hunter2hunter2hunter2", f"Incorrect API key provided: {REDACTED}"),
        ("the bearer of this letter, alice@example.com", "the bearer of this letter, alice@example.com"),
        ("https://example.com/@alice", "https://example.com/@alice"),
    ],
)
def test_secrets_in_a_text_are_masked(text: str, masked: str) -> None:
    assert redact_text(text) == masked
    assert redact(None, "info", {"event": text})["event"] == masked


def test_an_object_is_masked_as_it_would_be_shown() -> None:
    error = ValueError("mongodb://u:hunter2@db")
    assert redact(None, "info", {"error": error}) == {"error": f"mongodb://{REDACTED}@db"}
