"""One set-up for our own log lines and those of every library."""

import contextvars
import io
import json
import logging
import warnings
from collections.abc import ItemsView, Iterator
from typing import Any

import pytest
import structlog

from ops.logging import configure_logging

PHOTO_URL = "https://example.com/hunter3.jpg"


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_level_logger_and_utc_time() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    structlog.get_logger("ledger.commands").info("meal_confirmed", meal_id="m1", entries=2)
    [line] = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "meal_confirmed",
        "level": "info",
        "logger": "ledger.commands",
        "meal_id": "m1",
        "entries": 2,
    }


def test_bound_context_is_on_every_log_line() -> None:
    """On the lines of libraries too."""
    stream = io.StringIO()
    configure_logging("INFO", stream)
    with structlog.contextvars.bound_contextvars(correlation_id="c1"):
        structlog.get_logger("ours").info("one")
        logging.getLogger("uvicorn.error").info("Started %s", "two")
    assert [(line["event"], line.get("message"), line["correlation_id"]) for line in lines(stream)] == [
        ("one", None, "c1"),
        ("library_message", "Started two", "c1"),
    ]


def test_time_and_level_come_first_in_a_line() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    structlog.get_logger("ours").info("one", a=1)
    logging.getLogger("uvicorn.error").info("two")
    for line in lines(stream):
        assert list(line)[:3] == ["timestamp", "level", "event"]


def test_our_own_records_keep_their_static_names() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    logging.getLogger("ledger.repository").warning("event_store_unavailable")
    assert [line["event"] for line in lines(stream)] == ["event_store_unavailable"]


class BrokenContext:
    """A context that lists a variable it does not find, as has been seen in production (structlog issue #591)."""

    def __init__(self, lost: str) -> None:
        self._held = dict(COPY_CONTEXT().items())
        self._lost = lost

    def __iter__(self) -> Iterator[contextvars.ContextVar[Any]]:
        return iter(self._held)

    def items(self) -> ItemsView[contextvars.ContextVar[Any], object]:
        return self._held.items()

    def __getitem__(self, variable: contextvars.ContextVar[Any]) -> object:
        if variable.name == self._lost:
            raise KeyError(variable)
        return self._held[variable]


COPY_CONTEXT = contextvars.copy_context


def test_a_broken_context_costs_no_line_or_correlation_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    with structlog.contextvars.bound_contextvars(correlation_id="c1"):
        monkeypatch.setattr(contextvars, "copy_context", lambda: BrokenContext("structlog_correlation_id"))
        with pytest.raises(KeyError):
            structlog.contextvars.merge_contextvars(None, "info", {})
        structlog.get_logger("ours").info("one", entries=2)
        logging.getLogger("theirs").warning("two")
        monkeypatch.undo()
    assert [(line["event"], line["correlation_id"]) for line in lines(stream)] == [
        ("one", "c1"),
        ("library_message", "c1"),
    ]


def test_lines_below_the_level_are_left_out() -> None:
    stream = io.StringIO()
    configure_logging("WARNING", stream)
    structlog.get_logger("ours").info("one")
    logging.getLogger("theirs").info("two")
    structlog.get_logger("ours").warning("three")
    assert [line["event"] for line in lines(stream)] == ["three"]


@pytest.mark.parametrize("name", ["openai", "httpx", "pymongo.command", "uvicorn.access"])
def test_libraries_that_log_whole_requests_are_quiet_at_every_level(name: str) -> None:
    stream = io.StringIO()
    configure_logging("DEBUG", stream)
    logging.getLogger(name).debug("photo hunter2")
    logging.getLogger(name).info("photo hunter2")
    assert not stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_a_traceback_shows_no_local_variable_and_no_secret(stream: io.StringIO) -> None:
    configure_logging("INFO", stream)

    def fail(photo: str) -> None:
        raise ValueError("cannot reach mongodb://u:hunter2@db" + photo[:0])

    try:
        fail(PHOTO_URL)
    except ValueError:
        structlog.get_logger("ours").exception("it_failed", token="hunter4")
        logging.getLogger("theirs").exception("it failed with Bearer hunter5hunter5")
    written = stream.getvalue()
    assert written.count("ValueError") >= 2
    assert "[redacted]@db" in written
    assert "hunter" not in written


def test_a_terminal_gets_readable_lines() -> None:
    stream = Terminal()
    configure_logging("INFO", stream)
    structlog.get_logger("ours").info("meal_confirmed", meal_id="m1", notes="hunter2")
    [line] = stream.getvalue().splitlines()
    assert "meal_confirmed" in line
    assert "hunter2" not in line
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(line)


def test_warnings_are_logged() -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
    [line] = lines(stream)
    assert line["level"] == "warning"
    assert "soon gone" in line["message"]


def test_configuring_twice_writes_each_line_once() -> None:
    stream = io.StringIO()
    configure_logging("INFO", io.StringIO())
    configure_logging("INFO", stream)
    structlog.get_logger("ours").info("one")
    logging.getLogger("uvicorn.error").info("two")
    assert [line["event"] for line in lines(stream)] == ["one", "library_message"]
