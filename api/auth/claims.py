"""The claims that a token of any issuer must have (RFC 8725, RFC 9068)."""

import base64
import binascii
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

from api.auth.authenticator import Principal, Unauthenticated

VerificationKey = bytes | RSAPublicKey | EllipticCurvePublicKey

LEEWAY_SECONDS = 30
"""How far the issuer's clock and ours may differ."""
LONGEST_LIFE = timedelta(days=1)
"""How long a token may be good, unless it is set."""
MAX_SUBJECT_LENGTH = 255

_LATEST = 2.0**53
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
"""Three parts in base64url without padding (RFC 7515, section 3.1)."""

_REQUIRED = ["exp", "iat", "sub", "iss", "aud"]
_ACCESS_TOKEN_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
# An id_token tells a client who signed in; it is no key to an API. These claims occur in no access token.
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})


class TokenHeader(Struct, frozen=True):
    """The part of a token's header that is heeded. Where it says keys can be found (jku, x5u, jwk, x5c) is not."""

    alg: str
    kid: str | None = None
    typ: str | None = None


class TokenPolicy(Struct, frozen=True, kw_only=True):
    """Whose tokens are accepted, for whom they must be meant, and how long one may be good, from `iat` to `exp`."""

    issuer: str
    audience: str
    longest_life: timedelta = LONGEST_LIFE

    def verify(self, token: str, key: VerificationKey, algorithm: str) -> Principal:
        """The person of a token signed with `key` by `algorithm` and no other. Raises Unauthenticated."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self.issuer,
                audience=self.audience,
                # The library reads a text as a number, and takes any number: times are checked below.
                options={
                    "require": _REQUIRED,
                    "enforce_minimum_key_length": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            # The reason is the issuer's business: it would help only a client that forges tokens.
            raise _invalid(type(error).__name__) from None
        if not _ID_TOKEN_CLAIMS.isdisjoint(claims):
            raise Unauthenticated("This is an id_token; send an access token.")
        self._check_times(claims, time.time())
        return Principal(_subject(claims["sub"]))

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
        begins = _moment(claims, "nbf") if "nbf" in claims else issued
        if now >= expires + LEEWAY_SECONDS:
            raise Unauthenticated(
                "The token has expired.", reason=f"it expired {now - expires:.0f} s ago by our clock"
            )
        early = max(issued, begins) - now
        if early > LEEWAY_SECONDS:
            raise _invalid(
                f"it begins {early:.0f} s from now by our clock: if the issuer's is right, ours is behind by as much"
            )
        if expires - issued > self.longest_life.total_seconds():
            raise _invalid(
                f"it is good for {expires - issued:.0f} s, longer than AUTH_MAX_TOKEN_LIFE_SECONDS"
            )


def _invalid(reason: str) -> Unauthenticated:
    return Unauthenticated("The token is invalid.", reason=reason)


def _moment(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519, section 2): a number, in seconds since 1970."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise _invalid(f"its {name} is no moment")
    return float(value)


def read_header(token: str) -> TokenHeader:
    """The header of a token, not yet verified. Raises Unauthenticated."""
    encoded = token.partition(".")[0]
    if not _COMPACT.fullmatch(token):
        raise Unauthenticated("The token is not a JSON Web Token.")
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        header = msgspec.json.decode(decoded, type=TokenHeader)
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        raise Unauthenticated("The token is not a JSON Web Token.") from None
    if header.typ is not None and header.typ.lower() not in _ACCESS_TOKEN_TYPES:
        raise Unauthenticated("The token is not an access token.")
    return header


def _subject(subject: str) -> str:
    if not subject.strip() or len(subject) > MAX_SUBJECT_LENGTH or not subject.isprintable():
        raise Unauthenticated("The token has no valid subject.")
    return subject
