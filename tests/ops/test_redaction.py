"""Secrets and personal data stay out of the logs, wherever they turn up in a record."""

import time

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


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2",
        "X-Api-Key: hunter2",
        "https://photos.example.org/a.jpg?sig=hunter2&x=1",
        "https://bucket.example.org/a.jpg?X-Amz-Signature=hunter2",
        "AWSAccessKeyId=hunter2",
        "Authorization: Basic hunter2hunter2",
        '{"password": "hunter2", "n": 1}',
        "user_password='hunter2'",
        "client_secret = hunter2, and more",
        "API key: hunter2",
        "refresh-token=hunter2;x",
    ],
)
def test_a_secret_behind_its_name_is_masked(text: str) -> None:
    assert "hunter2" not in redact_text(text)
    assert REDACTED in redact_text(text)


@pytest.mark.parametrize("text", ["input_tokens=12", "tokens: 12", "see the token for more", "design: round"])
def test_what_only_sounds_like_a_secret_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a-",
        "eyJ-",
        "eyJa.",
        "x_",
        "a://",
        "token",
        "token:",
        "bearer ",
        'password: "',
        "sk-",
        "a_token ",
        " ",
    ],
)
def test_the_time_grows_no_faster_than_the_text(unit: str) -> None:
    """In steps of the matching, as far as they can be seen: the processor's time of the fastest of some runs."""

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        runs = []
        for _ in range(5):
            started = time.process_time()
            redact_text(text)
            runs.append(time.process_time() - started)
        return max(min(runs), 0.0005)

    assert seconds(40_000) < 30 * seconds(4_000)  # ten times would be linear, a hundred times quadratic


def test_a_very_long_text_is_cut() -> None:
    assert redact_text("x" * 60_000).endswith("… (10000 more)")
