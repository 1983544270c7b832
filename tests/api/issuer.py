"""An issuer of tokens: keys made here, published by a real HTTP server on loopback."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from api import JwksAuthenticator
from tests.api.client import AUDIENCE, ISSUER, claims
from tests.fault_server import FaultyServer

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


class Clock:
    """Time that passes when a test says so, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0  # whole, so that what is added comes out exactly as the difference

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def published(key: PrivateKey, kid: object = "k1", **members: object) -> dict[str, Any]:
    """The public JSON Web Key. A member that is None is left out."""
    public = key.public_key()
    shape = (
        RSAAlgorithm.to_jwk(public, as_dict=True)
        if isinstance(public, rsa.RSAPublicKey)
        else ECAlgorithm.to_jwk(public, as_dict=True)
    )
    return {name: value for name, value in (shape | {"kid": kid} | members).items() if value is not None}


def key_set(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"keys": list(keys)}


def signed(
    key: PrivateKey = RSA_KEY, kid: object = "k1", *, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A token signed as the kind of key has it. A `kid` of None is left out of the header."""
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    named = {} if kid is None else {"kid": kid}
    if not isinstance(kid, str | None):
        return _signed_by_hand(key, algorithm, named)
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=named | (header or {}))


def _signed_by_hand(key: PrivateKey, algorithm: str, named: dict[str, Any]) -> str:
    """The library makes no token whose key id is not text; another issuer may."""
    head = jwt.utils.base64url_encode(json.dumps({"alg": algorithm, "typ": "JWT"} | named).encode())
    body = jwt.utils.base64url_encode(json.dumps(claims()).encode())
    signer = jwt.get_algorithm_by_name(algorithm)
    signature = signer.sign(head + b"." + body, key)
    return b".".join((head, body, jwt.utils.base64url_encode(signature))).decode()


@asynccontextmanager
async def authenticator_of(server: FaultyServer, clock: Clock) -> AsyncIterator[JwksAuthenticator]:
    async with httpx.AsyncClient(trust_env=False) as client:
        authenticator = JwksAuthenticator(
            f"{server.base_url}/keys",
            issuer=ISSUER,
            audience=AUDIENCE,
            allow_loopback_http=True,
            client=client,
            clock=clock,
        )
        try:
            yield authenticator
        finally:
            await authenticator.aclose()
