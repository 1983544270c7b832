"""Which media type a response has, by the request's Accept header (RFC 9110, section 12.5.1)."""

from typing import NamedTuple

from api.errors import NotAcceptable

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"

_EXACT, _SUBTYPE, _ANYTHING = 2, 1, 0


class _Match(NamedTuple):
    """The quality that the most specific range gives to a media type, and how specific that range is."""

    quality: float
    specificity: int


def response_media_type(accept: str | None) -> str:
    """The media type to answer with: JSON unless the client prefers, or names only, that of GraphQL over HTTP.

    Raises NotAcceptable when it accepts neither.
    """
    if accept is None or not accept.strip():
        return JSON
    ranges = [_media_range(part) for part in accept.split(",")]
    json, graphql = _match(JSON, ranges), _match(GRAPHQL_RESPONSE, ranges)
    if not (json.quality or graphql.quality):
        raise NotAcceptable(
            f"Responses are {JSON} or {GRAPHQL_RESPONSE}; accept one of them.",
        )
    # At equal quality what is named wins over a wildcard; where both are named it is the newer one.
    if graphql > json or (graphql == json and graphql.specificity == _EXACT):
        return GRAPHQL_RESPONSE
    return JSON


def _match(media_type: str, ranges: list[tuple[str, float]]) -> _Match:
    patterns = {media_type: _EXACT, "application/*": _SUBTYPE, "*/*": _ANYTHING}
    matches = [(patterns[pattern], quality) for pattern, quality in ranges if pattern in patterns]
    specificity, quality = max(matches, default=(_ANYTHING, 0.0))
    return _Match(quality, specificity)


def _media_range(text: str) -> tuple[str, float]:
    """A range and its quality: 1 where none is given, 0 where it is malformed."""
    pattern, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = "1"
    for name, _, value in (parameter.partition("=") for parameter in parameters):
        if name.strip() == "q":
            quality = value
    try:
        number = float(quality)
    except ValueError:
        number = 0.0
    return pattern, number if 0 <= number <= 1 else 0.0
