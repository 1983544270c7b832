"""Keep secrets and personal data out of the logs, whatever a caller or a library puts into a record.

The first rule is not to log it. This is the second: values are dropped by the name of their key, and strings are
searched for tokens, keys and credentials that came along in a message.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

REDACTED = "[redacted]"

_SECRET_NAMES = frozenset({
    "authorization", "proxy_authorization", "cookie", "set_cookie", "token", "jwt", "password", "secret",
    "api_key", "apikey", "x_api_key", "dsn", "mongodb_url", "redis_url", "credentials",
})  # fmt: skip
_PERSONAL_NAMES = frozenset({
    "photo_url", "photo", "image_url", "notes", "note", "hint", "dish_hint", "dish_name", "personal",
    "variables", "query", "body",
})  # fmt: skip
_SECRET_ENDINGS = ("_token", "_secret", "_password", "_api_key", "_dsn", "_authorization")

_IN_TEXT = (
    # The user name and password of a URL.
    (re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://)[^\s/@'\"]+@", re.IGNORECASE), rf"\g<keep>{REDACTED}@"),
    (re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\g<keep>{REDACTED}"),
    # A JSON Web Token on its own: its header and its claims begin with {" in base64.
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), REDACTED),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), REDACTED),
    # A key in the query of a URL or in a form.
    (
        re.compile(r"(?P<keep>\b(?:api_?key|access_token|token|password|secret)=)[^\s&'\"]+", re.IGNORECASE),
        rf"\g<keep>{REDACTED}",
    ),
)  # fmt: skip


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor; it stands behind the one that turns an exception into text."""
    for key in event:
        event[key] = _redacted(key, event[key])
    return event


def redact_text(text: str) -> str:
    """`text` with tokens, keys and the credentials of URLs masked."""
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _redacted(key: object, value: object) -> object:
    if value is not None and isinstance(key, str) and _is_sensitive(key):
        return REDACTED
    match value:
        case str():
            return redact_text(value)
        case Mapping():
            return {inner: _redacted(inner, held) for inner, held in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redacted(None, held) for held in value]
        case None | bool() | int() | float():
            return value
        case _:
            # Rendered here: the renderer would show the object's repr unseen.
            return redact_text(str(value))


def _is_sensitive(key: str) -> bool:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_")
    return name in _SECRET_NAMES or name in _PERSONAL_NAMES or name.endswith(_SECRET_ENDINGS)
