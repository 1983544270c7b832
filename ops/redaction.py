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

_LONGEST = 50_000
"""Longer strings are cut: a log line is for reading."""

_NAMES = (
    r"api[-_ ]?key|token|passw(?:or)?d|pwd|secret|sig|signature|credentials?|authorization|(?:aws)?accesskeyid|"
    r"access[-_]?key"
)
# Each pattern looks at a character a bounded number of times, whatever the text: no run of letters is begun twice.
_IN_TEXT = (
    # The user name and password of a URL.
    (
        re.compile(r"(?<![a-z0-9+.-])(?P<keep>[a-z][a-z0-9+.-]{0,30}://)[^\s/@'\"]{1,2000}@", re.IGNORECASE),
        rf"\g<keep>{REDACTED}@",
    ),
    (
        re.compile(r"(?P<keep>\b(?:bearer|basic)\s{1,3})[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
        rf"\g<keep>{REDACTED}",
    ),
    # A JSON Web Token on its own: its header and its claims begin with {" in base64.
    (re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{16,}"), REDACTED),
    # A secret behind its name: in the query of a URL, in a form, in a header, in JSON, in a sentence.
    (
        re.compile(
            rf"(?P<keep>(?<![A-Za-z0-9])(?:[a-z0-9]{{1,30}}[-_]){{0,4}}(?:{_NAMES})[\"']?\s{{0,3}}[:=]\s{{0,3}})"
            r"(?!(?:bearer|basic)\s)"
            r"(?:\"[^\"]{1,4000}\"|'[^']{1,4000}'|[^\s&'\",;]+)",
            re.IGNORECASE,
        ),
        rf"\g<keep>{REDACTED}",
    ),
)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor; it stands behind the one that turns an exception into text."""
    for key in event:
        event[key] = _redacted(key, event[key])
    return event


def redact_text(text: str) -> str:
    """`text` with tokens, keys, passwords and the credentials of URLs masked, cut where it is very long."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST} more)"
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
