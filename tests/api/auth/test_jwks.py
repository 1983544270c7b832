"""Tokens of an issuer that publishes its keys: which are accepted, and when the keys are fetched."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import httpx
import jwt
import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api import JwksAuthenticator, KeysUnavailable, Principal, Unauthenticated, create_app
from api.auth.jwks_source import (
    ABSENT_SECONDS,
    COOLDOWN_SECONDS,
    MAX_BYTES,
    MAX_STALE_SECONDS,
    MOST_WAITING,
    REFRESH_SECONDS,
    RETRY_SECONDS,
)
from tests.api.client import AUDIENCE, ISSUER, claims
from tests.api.issuer import (
    EC_KEY,
    OTHER_RSA_KEY,
    RSA_KEY,
    Clock,
    authenticator_of,
    key_set,
    published,
    signed,
)
from tests.api.ports import Diary, InMemoryCommands, InMemoryReadModels
from tests.fault_server import FaultyServer

ALICE = Principal("alice")
KEYS = key_set(published(RSA_KEY, "k1"), published(EC_KEY, "k2"))


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def authenticator(server: FaultyServer, clock: Clock) -> AsyncIterator[JwksAuthenticator]:
    async with authenticator_of(server, clock) as authenticator:
        yield authenticator


async def refused(authenticator: JwksAuthenticator, token: str) -> str:
    with pytest.raises(Unauthenticated) as error:
        await authenticator.authenticate(token)
    return error.value.message


async def test_rsa_and_ec_tokens_are_accepted_after_one_fetch(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    server.answer(json=KEYS)
    for token in (
        signed(RSA_KEY, "k1"),
        signed(EC_KEY, "k2"),
        signed(RSA_KEY, "k1", header={"typ": "at+jwt"}),
    ):
        assert await authenticator.authenticate(token) == ALICE
    assert [(request.method, request.path) for request in server.requests] == [("GET", "/keys")]


def _confused() -> str:
    """A token that is signed with the public key as if it were a shared secret (HS256)."""
    pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    algorithm = jwt.get_algorithm_by_name("HS256")
    head, body, _ = jwt.encode(claims(), "x" * 32, algorithm="HS256", headers={"kid": "k1"}).split(".")
    signature = algorithm.sign(f"{head}.{body}".encode(), pem)
    return f"{head}.{body}.{jwt.utils.base64url_encode(signature).decode()}"


@pytest.mark.parametrize(
    "token",
    [
        _confused(),
        jwt.encode(claims(), "", algorithm="none", headers={"kid": "k1"}),
        jwt.encode(claims(), RSA_KEY, algorithm="RS512", headers={"kid": "k1"}),
        jwt.encode(claims(), RSA_KEY, algorithm="PS256", headers={"kid": "k1"}),
        jwt.encode(
            claims(), ec.generate_private_key(ec.SECP384R1()), algorithm="ES384", headers={"kid": "k2"}
        ),
        signed(OTHER_RSA_KEY, "k1"),
        signed(RSA_KEY, "k2"),  # the EC key's id
        signed(EC_KEY, "k1"),
        signed(kid=None),
        signed(kid=""),
        signed(kid="x" * 1000),
        signed(kid=7),
        signed(kid=["k1"]),
        signed(kid={"k1": 1}),
        signed(iss="https://other.test"),
        signed(aud="other"),
        signed(exp=1),
        signed(sub=None),
        signed(nonce="n"),
        signed(header={"typ": "id_token"}),
        signed(header={"typ": "logout+jwt"}),
    ],
)
async def test_a_token_that_breaks_a_rule_is_refused(
    server: FaultyServer, authenticator: JwksAuthenticator, token: str
) -> None:
    server.answer(json=KEYS, times=None)
    await refused(authenticator, token)
    assert await authenticator.authenticate(signed()) == ALICE
    assert len(server.requests) == 1


async def test_a_refused_kind_of_token_fetches_nothing(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    for token in (_confused(), signed(kid=None), signed(kid=7), "x"):
        await refused(authenticator, token)
    assert server.requests == []


@pytest.mark.parametrize(
    "kid", ["../../etc/passwd", "k1?x=", "http://evil.example/", "k1\x00", "k1' OR '1'='1", "{}", "🔑", " k1"]
)
async def test_a_key_id_is_only_ever_looked_up(
    server: FaultyServer, authenticator: JwksAuthenticator, kid: str
) -> None:
    server.answer(json=KEYS, times=None)
    await refused(authenticator, signed(kid=kid))
    assert {(request.path, request.query) for request in server.requests} == {("/keys", ())}


async def test_where_a_token_says_keys_can_be_found_is_ignored(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    with FaultyServer() as evil:
        evil.answer(json=key_set(published(OTHER_RSA_KEY, "k1"), published(OTHER_RSA_KEY, "k9")), times=None)
        server.answer(json=KEYS, times=None)
        for kid in ("k1", "k9"):
            header = {
                "jku": f"{evil.base_url}/keys",
                "x5u": f"{evil.base_url}/cert",
                "jwk": published(OTHER_RSA_KEY, kid),
            }
            await refused(authenticator, signed(OTHER_RSA_KEY, kid, header=header))
        assert evil.requests == []


async def test_a_flood_of_unknown_keys_fetches_once_per_cooldown(
    server: FaultyServer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    server.answer(json=KEYS, times=None)
    await authenticator.authenticate(signed())
    for _ in range(3):
        clock.advance(ABSENT_SECONDS)
        before = len(server.requests)
        await asyncio.gather(
            *(refused(authenticator, signed(kid=f"unknown{n}")) for n in range(MOST_WAITING))
        )
        for n in range(20):
            await refused(authenticator, signed(kid=f"other{n}"))
        assert len(server.requests) == before + 1


async def test_a_rotated_key_is_found_and_the_withdrawn_one_refused(
    server: FaultyServer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    server.answer(json=key_set(published(RSA_KEY, "old")))
    assert await authenticator.authenticate(signed(RSA_KEY, "old")) == ALICE
    server.answer(json=key_set(published(OTHER_RSA_KEY, "new")), times=None)
    clock.advance(COOLDOWN_SECONDS)
    assert await authenticator.authenticate(signed(OTHER_RSA_KEY, "new")) == ALICE
    await refused(authenticator, signed(RSA_KEY, "old"))


async def test_many_at_once_share_one_fetch(server: FaultyServer, authenticator: JwksAuthenticator) -> None:
    server.answer(json=KEYS, delay=0.1)
    answers = await asyncio.gather(*(authenticator.authenticate(signed()) for _ in range(50)))
    assert answers == [ALICE] * 50
    assert len(server.requests) == 1


async def test_a_cancelled_request_does_not_end_the_shared_fetch(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    server.answer(json=KEYS, delay=0.2)
    first = asyncio.create_task(authenticator.authenticate(signed()))
    second = asyncio.create_task(authenticator.authenticate(signed()))
    await asyncio.to_thread(server.wait_for_requests, 1)
    first.cancel()
    assert await second == ALICE
    assert len(server.requests) == 1


async def test_the_event_loop_goes_on_while_keys_are_fetched(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    server.answer(json=KEYS, delay=0.2)
    waiting = asyncio.create_task(authenticator.authenticate(signed()))
    turns = 0
    while not waiting.done():
        turns += 1
        await asyncio.sleep(0.01)
    assert turns >= 5
    assert await waiting == ALICE


async def test_keys_are_fetched_again_when_they_are_old_and_no_request_waits(
    server: FaultyServer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    server.answer(json=KEYS)
    server.answer(json=KEYS, delay=0.2)
    for seconds, fetches in ((0, 1), (REFRESH_SECONDS - 1, 1), (1, 2), (1, 2)):
        clock.advance(seconds)
        assert await authenticator.authenticate(signed()) == ALICE
        if fetches > 1:
            await asyncio.to_thread(server.wait_for_requests, fetches)
        assert len(server.requests) == fetches


async def test_a_key_that_was_withdrawn_is_refused_after_the_next_fetch(
    server: FaultyServer, authenticator: JwksAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the issuer publishes no key any more."""
    monkeypatch.setattr("api.auth.jwks_source.REFRESH_SECONDS", 0.05)
    server.answer(json=KEYS)
    server.answer(json=key_set(), times=None)
    keeping = asyncio.create_task(authenticator.keep_fresh())
    await asyncio.to_thread(server.wait_for_requests, 3)
    await refused(authenticator, signed())
    assert authenticator.problem() == "the issuer publishes no key that can be used"
    keeping.cancel()


async def test_keys_are_there_before_the_first_request(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    assert authenticator.problem() == "no key of the issuer has been fetched yet: look at AUTH_JWKS_URL"
    server.answer(json=KEYS, times=None)
    keeping = asyncio.create_task(authenticator.keep_fresh())
    await asyncio.to_thread(server.wait_for_requests, 1)
    assert await authenticator.authenticate(signed()) == ALICE
    assert len(server.requests) == 1
    assert authenticator.problem() is None
    keeping.cancel()


async def test_two_keys_of_one_id_are_told_apart_by_their_kind(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    server.answer(json=key_set(published(RSA_KEY, "k"), published(EC_KEY, "k")))
    for _ in range(3):
        assert await authenticator.authenticate(signed(RSA_KEY, "k")) == ALICE
        assert await authenticator.authenticate(signed(EC_KEY, "k")) == ALICE
    assert len(server.requests) == 1


async def test_a_new_key_used_at_once_is_found_though_strangers_asked_before(
    server: FaultyServer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    server.answer(json=KEYS, times=2)
    await authenticator.authenticate(signed())
    clock.advance(COOLDOWN_SECONDS)
    await refused(authenticator, signed(kid="stranger"))
    server.answer(json=key_set(published(OTHER_RSA_KEY, "new")))
    clock.advance(COOLDOWN_SECONDS)
    assert await authenticator.authenticate(signed(OTHER_RSA_KEY, "new")) == ALICE


async def test_a_compressed_answer_is_not_unpacked(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    server.answer(body=gzip.compress(json.dumps(KEYS).encode()), headers={"Content-Encoding": "gzip"})
    with structlog.testing.capture_logs() as logs, pytest.raises(KeysUnavailable):
        await authenticator.authenticate(signed())
    assert logs[0]["reason"] == "answered compressed, which was not asked for"
    [request] = server.requests
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "trouble",
    [
        lambda server: server.answer(500, times=None),
        lambda server: server.answer(404, json=KEYS, times=None),
        lambda server: server.answer(302, headers={"Location": "/elsewhere"}, times=None),
        lambda server: server.reset(times=None),
        lambda server: server.answer(json=KEYS, cut_after=20, times=None),
        lambda server: server.answer(body="no json", times=None),
        lambda server: server.answer(json=[], times=None),
        lambda server: server.answer(json={"keys": {}}, times=None),
        lambda server: server.answer(body="[" * 100_000, times=None),
        lambda server: server.answer(json=KEYS | {"filler": "x" * MAX_BYTES}, times=None),
        lambda server: server.stop(),
    ],
    ids=["500", "404", "redirect", "reset", "cut", "text", "list", "object", "nested", "large", "gone"],
)  # fmt: skip
async def test_stale_keys_serve_through_an_outage(
    server: FaultyServer, clock: Clock, trouble: Callable[[FaultyServer], None]
) -> None:
    """Without any keys the outage is reported."""
    async with authenticator_of(server, clock) as warm, authenticator_of(server, clock) as cold:
        server.answer(json=KEYS)
        assert await warm.authenticate(signed()) == ALICE
        trouble(server)
        for _ in range(3):
            clock.advance(REFRESH_SECONDS)
            assert await warm.authenticate(signed()) == ALICE
            with pytest.raises(KeysUnavailable):  # nobody can say whether there is such a key
                await warm.authenticate(signed(kid="unknown"))
        with pytest.raises(KeysUnavailable):
            await cold.authenticate(signed())


async def test_an_outage_costs_one_fetch_per_pause(
    server: FaultyServer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    """When it is over, the new keys serve by themselves."""
    server.answer(json=KEYS)
    await authenticator.authenticate(signed())
    server.answer(500, times=None)
    clock.advance(COOLDOWN_SECONDS)
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            await authenticator.authenticate(signed(kid="unknown"))
        assert await authenticator.authenticate(signed()) == ALICE
    assert len(server.requests) == 2
    server.clear()
    server.answer(json=key_set(published(OTHER_RSA_KEY, "unknown")))
    clock.advance(RETRY_SECONDS)
    assert await authenticator.authenticate(signed(OTHER_RSA_KEY, "unknown")) == ALICE
    await refused(authenticator, signed())


async def test_a_silent_issuer_holds_up_no_request_whose_key_is_in_hand(
    server: FaultyServer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    server.answer(json=KEYS)
    await authenticator.authenticate(signed())
    server.silence()
    clock.advance(REFRESH_SECONDS)
    async with asyncio.timeout(2):
        for _ in range(3):
            assert await authenticator.authenticate(signed()) == ALICE


async def test_a_silent_issuer_is_given_up(
    server: FaultyServer, authenticator: JwksAuthenticator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.auth.jwks_source.FETCH_TIMEOUT_SECONDS", 0.05)
    server.silence()
    async with asyncio.timeout(2):
        with pytest.raises(KeysUnavailable):
            await authenticator.authenticate(signed())
    monkeypatch.undo()
    server.answer(json=KEYS)
    clock.advance(RETRY_SECONDS)
    assert await authenticator.authenticate(signed()) == ALICE


async def test_stale_keys_are_not_accepted_for_ever(
    server: FaultyServer, authenticator: JwksAuthenticator, clock: Clock
) -> None:
    server.answer(json=KEYS)
    await authenticator.authenticate(signed())
    server.answer(500, times=None)
    clock.advance(MAX_STALE_SECONDS)
    assert await authenticator.authenticate(signed()) == ALICE
    clock.advance(1)
    with pytest.raises(KeysUnavailable):
        await authenticator.authenticate(signed())


async def test_a_failed_fetch_is_logged_without_keys_or_tokens(
    server: FaultyServer, authenticator: JwksAuthenticator
) -> None:
    server.answer(500, times=None)
    token = signed()
    with structlog.testing.capture_logs() as logs, pytest.raises(KeysUnavailable):
        await authenticator.authenticate(token)
    assert [(line["event"], line["reason"]) for line in logs] == [
        ("jwks_fetch_failed", "answered with status 500")
    ]
    assert token not in str(logs)


async def test_without_any_keys_the_api_answers_503(server: FaultyServer, clock: Clock) -> None:
    server.answer(500, times=None)
    async with authenticator_of(server, clock) as authenticator:
        diary = Diary()
        app = create_app(
            commands=InMemoryCommands(diary),
            read_models=InMemoryReadModels(diary),
            authenticator=authenticator,
            version="1",
            request_deadline=timedelta(seconds=30),
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://meal-ledger.test") as http:
            headers = {"Authorization": f"Bearer {signed()}"}
            response = await http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "issuer.example/keys",
        "http://issuer.example/keys",
        "http://10.0.0.1/keys",
        "http://localhost.evil.example/keys",
        "http://127.0.0.1.evil.example/keys",
        "http://localhost@evil.example/keys",
        "file:///etc/passwd",
        "ftp://127.0.0.1/keys",
        "https://",
        "https://[::1/keys",
    ],
)
async def test_keys_are_fetched_by_https_only(url: str) -> None:
    with pytest.raises(ValueError, match="JWKS address"):
        JwksAuthenticator(url, issuer=ISSUER, audience=AUDIENCE, allow_loopback_http=True)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.1.2.3"])
async def test_http_on_this_machine_is_for_the_local_environment(host: str) -> None:
    url = f"http://{host}/keys"
    await JwksAuthenticator(url, issuer=ISSUER, audience=AUDIENCE, allow_loopback_http=True).aclose()
    with pytest.raises(ValueError, match="must be https"):
        JwksAuthenticator(url, issuer=ISSUER, audience=AUDIENCE)


async def test_closing_ends_a_fetch_and_the_client_made_here(server: FaultyServer) -> None:
    server.silence()
    authenticator = JwksAuthenticator(
        f"{server.base_url}/keys", issuer=ISSUER, audience=AUDIENCE, allow_loopback_http=True
    )
    waiting = asyncio.create_task(authenticator.authenticate(signed()))
    await asyncio.to_thread(server.wait_for_requests, 1)
    await authenticator.aclose()
    with pytest.raises(KeysUnavailable):
        await waiting


async def test_even_a_fetch_that_crashes_is_logged_and_ends(clock: Clock) -> None:
    client = httpx.AsyncClient()
    await client.aclose()  # a closed client raises what no outage does
    authenticator = JwksAuthenticator(
        "https://issuer.test/keys", issuer=ISSUER, audience=AUDIENCE, client=client, clock=clock
    )
    with structlog.testing.capture_logs() as logs, pytest.raises(KeysUnavailable):
        await authenticator.authenticate(signed())
    assert [(line["event"], line["error_type"]) for line in logs] == [("jwks_fetch_crashed", "RuntimeError")]
    await authenticator.aclose()
