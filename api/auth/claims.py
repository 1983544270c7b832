"""The claims that a token of any issuer must have (RFC 8725, RFC 9068)."""

import base64
import binascii
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
MAX_SUBJECT_LENGTH = 255

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
    """Whose tokens are accepted, and for whom they must be meant."""

    issuer: str
    audience: str

    def verify(self, token: str, key: VerificationKey, algorithm: str) -> Principal:
        """The person of a token signed with `key` by `algorithm` and no other. Raises Unauthenticated."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self.issuer,
                audience=self.audience,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED, "enforce_minimum_key_length": True},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            # The reason is the issuer's business: it would help only a client that forges tokens.
            raise Unauthenticated("The token is invalid.") from None
        if not _ID_TOKEN_CLAIMS.isdisjoint(claims):
            raise Unauthenticated("This is an id_token; send an access token.")
        return Principal(_subject(claims["sub"]))


def read_header(token: str) -> TokenHeader:
    """The header of a token, not yet verified. Raises Unauthenticated."""
    encoded = token.partition(".")[0]
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
