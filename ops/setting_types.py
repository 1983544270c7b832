"""The kinds of values that settings have. No message shows the value: it may hold a password."""

from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_settings import NoDecode
from pymongo.errors import PyMongoError
from pymongo.uri_parser import split_options

_MINIMUM_SECRET_BYTES = 32  # RFC 7518, section 3.2: an HS256 key is at least as long as the hash


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise ValueError("is not a URL") from None
    return parts


def _http_url(url: str) -> str:
    parts = _split(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    if parts.query or parts.fragment:
        raise ValueError("must not hold a query or a fragment")
    return url.rstrip("/")


def _secret_url(*schemes: str) -> AfterValidator:
    def check(secret: SecretStr) -> SecretStr:
        url = secret.get_secret_value()
        # A list of hosts, as MongoDB has them, is no host of urlsplit's: only the outer shape is checked.
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in schemes or not rest.strip("/"):
            raise ValueError(
                f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)} and name a host"
            )
        return secret

    return AfterValidator(check)


def _mongo_options(secret: SecretStr) -> SecretStr:
    """An option that the driver does not take as it is would be left out with a warning: `tls=yes` would mean none."""
    _, _, options = secret.get_secret_value().partition("?")
    if options:
        try:
            split_options(options, validate=True, warn=False)
        except (PyMongoError, ValueError) as error:
            raise ValueError(f"has an option that MongoDB's driver does not take: {error}") from None
    return secret


def _signing_secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < _MINIMUM_SECRET_BYTES:
        raise ValueError(f"must be at least {_MINIMUM_SECRET_BYTES} bytes long")
    return secret


def _not_blank(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be printable ASCII without spaces")
    return secret


def _origins(text: object) -> object:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def _check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        parts = _split(origin)
        if (
            parts.scheme not in {"http", "https"}
            or origin != f"{parts.scheme}://{parts.netloc.lower()}"
            or "@" in origin
        ):
            raise ValueError("must be origins such as https://app.example.com, separated by commas")
    return origins


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""An http or https URL without credentials; without the slash at its end."""

Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins), AfterValidator(_check_origins)]
"""Origins of web pages, separated by commas: scheme, host and port."""

MongoUrl = Annotated[SecretStr, _secret_url("mongodb", "mongodb+srv"), AfterValidator(_mongo_options)]
RedisUrl = Annotated[SecretStr, _secret_url("redis", "rediss", "unix")]
SentryDsn = Annotated[SecretStr, _secret_url("https", "http")]

ApiKey = Annotated[SecretStr, AfterValidator(_not_blank)]
"""A key that goes into an HTTP header."""

SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]

DatabaseName = Annotated[str, Field(pattern=r'^[^/\\. "$*<>:|?\x00]+$', max_length=63)]
"""A name that MongoDB takes on every platform."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]
"""A time-out or a period, in seconds."""
