"""An issuer's published keys (RFC 7517): each bound to the one algorithm that may be used with it."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError
from msgspec import Struct

_MIN_RSA_BITS = 2048
_MOST_KEYS = 100


class SigningKey(Struct, frozen=True):
    """A public key and the algorithm that it verifies."""

    key: RSAPublicKey | EllipticCurvePublicKey
    algorithm: str


KeyName: TypeAlias = tuple[str, str]
"""A key's id and its algorithm: issuers may have an RSA and a P-256 key of one id."""


class InvalidKeySet(Exception):
    """What was fetched is not a key set."""


class _JsonWebKey(Struct, frozen=True):
    """The public members that are heeded; those of a private key are never read."""

    kty: str
    kid: str
    alg: str | None = None
    use: str | None = None
    n: str | None = None
    e: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None


class _JsonWebKeySet(Struct, frozen=True):
    keys: list[dict[str, Any]]


def parse_key_set(text: bytes) -> Mapping[KeyName, SigningKey]:
    """The usable keys: RSA of 2048 bits or more for RS256, P-256 for ES256; others are passed over.

    Raises InvalidKeySet.
    """
    try:
        published = msgspec.json.decode(text, type=_JsonWebKeySet).keys
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidKeySet("not a JSON Web Key Set") from error
    keys = {}
    for item in published[:_MOST_KEYS]:
        try:
            published_key = msgspec.convert(item, _JsonWebKey)
            signing_key = _signing_key(published_key)
        except (msgspec.ValidationError, InvalidKeyError, ValueError, TypeError):
            continue  # a kind of key that is not for us, or malformed; the others may be good
        if signing_key is not None:
            keys[published_key.kid, signing_key.algorithm] = signing_key
    return keys


def _signing_key(published: _JsonWebKey) -> SigningKey | None:
    if published.use not in {None, "sig"}:
        return None
    if published.kty == "RSA" and published.alg in {None, "RS256"}:
        rsa = RSAAlgorithm.from_jwk({"kty": "RSA", "n": published.n, "e": published.e})
        if isinstance(rsa, RSAPublicKey) and rsa.key_size >= _MIN_RSA_BITS:
            return SigningKey(rsa, "RS256")
    if published.kty == "EC" and published.crv == "P-256" and published.alg in {None, "ES256"}:
        ec = ECAlgorithm.from_jwk({"kty": "EC", "crv": "P-256", "x": published.x, "y": published.y})
        if isinstance(ec, EllipticCurvePublicKey):
            return SigningKey(ec, "ES256")
    return None
