"""Logging: structlog, one line per event on stderr, with the records of every library going through the same chain.

Event names are static, what varies is in the keys; identifiers are logged, never objects.
"""

import contextvars
import logging
import sys
from typing import TextIO

import stamina.instrumentation
import structlog
from structlog.contextvars import STRUCTLOG_KEY_PREFIX
from structlog.types import EventDict, Processor, WrappedLogger

from ops.redaction import redact

# These libraries log addresses, commands or whole requests below WARNING: personal data, whatever our own level is.
_OWN = frozenset({"adapters", "api", "ledger", "ops", "projections", "__main__"})
_QUIET = ("httpcore", "httpcore2", "httpx", "httpx2", "motor", "openai", "pymongo", "uvicorn.access")


def configure_logging(level: str, stream: TextIO | None = None) -> None:
    """Log to `stream` (stderr): readable lines on a terminal, else JSON, for everything from `level` up.

    Calling it again replaces the set-up. Context variables bound with structlog (a correlation id) are on every line.
    """
    output = stream if stream is not None else sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_shared(), _name_what_libraries_say],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_for_a_terminal() if output.isatty() else _for_machines()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # The clients log what they retry; stamina's own hook would log it again, with arguments.
    stamina.instrumentation.set_on_retry_hooks([])
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _merge_contextvars(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog's processor of that name, but no variable is looked up.

    A context has been seen that lists a variable and then raises KeyError for it (structlog issue #591): from then on
    every line logged in it would raise. The list holds the values, too.
    """
    for variable, value in contextvars.copy_context().items():
        if (
            variable.name.startswith(STRUCTLOG_KEY_PREFIX) and value is not Ellipsis
        ):  # it stands for "unbound"
            event.setdefault(variable.name.removeprefix(STRUCTLOG_KEY_PREFIX), value)
    return event


def _name_what_libraries_say(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library logs sentences: they become the `message` of an event of one name. Our own have static names."""
    if str(event.get("logger", "")).partition(".")[0] not in _OWN:
        event["message"], event["event"] = event["event"], "library_message"
    return event


def _time_and_level_first(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    first = {name: event.pop(name) for name in ("timestamp", "level", "event") if name in event}
    return {**first, **event}


def _shared() -> list[Processor]:
    return [
        _merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _for_machines() -> list[Processor]:
    # Local variables are left out of tracebacks: they hold tokens, photo URLs, notes.
    traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(traceback),
        redact,
        _time_and_level_first,
        structlog.processors.JSONRenderer(),
    ]


def _for_a_terminal() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        redact,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
