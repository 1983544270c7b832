"""An issuer's published keys: which of them can be used, and for what."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from api.auth.key_set import InvalidKeySet, parse_key_set
from tests.api.issuer import EC_KEY, RSA_KEY, key_set, published

GOOD = published(RSA_KEY, "good")
WEAK_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused


def algorithms(*keys: dict[str, Any]) -> dict[str, str]:
    parsed = parse_key_set(json.dumps(key_set(*keys)).encode())
    assert all(key.algorithm == algorithm for (_, algorithm), key in parsed.items())
    return dict(parsed.keys())


def test_a_key_is_bound_to_the_algorithm_of_its_kind() -> None:
    assert algorithms(published(RSA_KEY, "r"), published(EC_KEY, "e")) == {"r": "RS256", "e": "ES256"}
    named = {"use": "sig", "alg": "RS256", "x5c": ["ignored"], "unknown": [1]}
    assert algorithms(published(RSA_KEY, "r", **named)) == {"r": "RS256"}


@pytest.mark.parametrize(
    "key",
    [
        published(RSA_KEY, "bad", use="enc"),
        published(RSA_KEY, "bad", alg="RS512"),
        published(RSA_KEY, "bad", alg="HS256"),
        published(RSA_KEY, "bad", alg="none"),
        published(EC_KEY, "bad", alg="RS256"),
        published(ec.generate_private_key(ec.SECP384R1()), "bad"),
        published(WEAK_RSA_KEY, "bad"),
        published(RSA_KEY, None),
        published(RSA_KEY, 7),
        published(RSA_KEY, ["bad"]),
        published(RSA_KEY, "bad", n=None),
        published(RSA_KEY, "bad", n=""),
        published(RSA_KEY, "bad", n="%%%"),
        published(RSA_KEY, "bad", e="AA"),
        published(RSA_KEY, "bad", e=65537),
        published(RSA_KEY, "bad", kty="EC"),
        published(RSA_KEY, "bad", kty=None),
        published(EC_KEY, "bad", x="AAAA"),
        published(EC_KEY, "bad", y=None),
        {"kty": "oct", "kid": "bad", "k": "c2VjcmV0" * 8},
        {},
    ],
)
def test_an_unusable_key_is_passed_over_for_the_others(key: dict[str, Any]) -> None:
    assert algorithms(key, GOOD) == {"good": "RS256"}
    assert algorithms(key) == {}


def test_the_private_part_of_a_key_is_never_read() -> None:
    private = RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True) | {"kid": "leaked"}
    parsed = parse_key_set(json.dumps(key_set(private)).encode())
    assert isinstance(parsed["leaked", "RS256"].key, RSAPublicKey)


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[]", b"{}", b'{"keys": null}', b'{"keys": [1]}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_key_set_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidKeySet):
        parse_key_set(text)


def test_a_huge_set_is_read_in_part() -> None:
    assert len(algorithms(*[GOOD | {"kid": str(number)} for number in range(150)])) == 100
