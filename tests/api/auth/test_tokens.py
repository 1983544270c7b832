"""What a token must say and how it must come, whichever issuer signed it: here with a shared secret."""

import base64
import json
import re
import time
from typing import Any

import httpx
import jwt
import pytest
import structlog
from fastapi import FastAPI
from starlette.types import Message

from api import Principal, SharedSecretAuthenticator, Unauthenticated
from api.auth.claims import LEEWAY_SECONDS, MAX_SUBJECT_LENGTH
from api.http.authentication import MAX_TOKEN_LENGTH
from ledger import Actor
from tests.api.client import AUDIENCE, ISSUER, SECRET, a_token, claims
from tests.api.ports import Diary

WHOAMI = {"query": 'mutation { deleteMeal(mealId: "x") { userErrors { code } } }'}


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(header: object, signature: str = "") -> str:
    return f"{segment(header)}.{segment(claims())}.{signature}"


async def ask(http: httpx.AsyncClient, *authorization: str) -> httpx.Response:
    headers = [("Authorization", value) for value in authorization]
    return await http.post("/graphql", json=WHOAMI, headers=headers)


async def who(http: httpx.AsyncClient, diary: Diary, token: str) -> str | None:
    """The user that the ledger was told, None when the token was refused; a refusal is checked to be one."""
    response = await ask(http, f"Bearer {token}")
    if response.status_code == 200:
        actor: Actor = diary.asked[-1][0]
        return actor.user_id
    assert_refused(response)
    assert diary.asked == []
    return None


def assert_refused(response: httpx.Response, challenge: str = 'Bearer error="invalid_token"') -> None:
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == challenge
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in response.json()


@pytest.mark.parametrize(
    "subject", ["alice", "auth0|5f7c8ec7c33c6c004bbafe82", "Zoë", "李", "x" * MAX_SUBJECT_LENGTH]
)
async def test_the_user_is_the_subject_and_nothing_else(
    http: httpx.AsyncClient, diary: Diary, subject: str
) -> None:
    token = a_token(subject, user_id="bob", email="bob@example.com", name="bob", roles=["operator"])
    assert await who(http, diary, token) == subject


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.test"},
        {"iss": ISSUER + "/"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other", "another"]},
        {"aud": []},
        {"aud": AUDIENCE.upper()},
        {"aud": {AUDIENCE: 1}},
        {"aud": None},
        {"exp": None},
        {"exp": "never"},
        {"exp": [1]},
        {"exp": 1e400},
        {"exp": float("nan")},
        {"exp": "4102444800"},
        {"exp": 1e308},
        {"exp": 2**60},
        {"exp": True},
        {"iat": "1"},
        {"iat": 1e308},
        {"nbf": "1"},
        {"nbf": 1e308},
        {"exp": 0},
        {"exp": -1},
        {"iat": None},
        {"iat": "now"},
        {"nbf": "later"},
        {"sub": None},
        {"sub": ""},
        {"sub": "  "},
        {"sub": "x" * (MAX_SUBJECT_LENGTH + 1)},
        {"sub": "ali\x00ce"},
        {"sub": "alice\n"},
        {"sub": "\u202eecila"},
        {"nonce": "n"},  # an id_token
        {"at_hash": "h"},
        {"c_hash": "h"},
    ],
    ids=str,
)
async def test_a_token_that_says_the_wrong_thing_is_refused(
    http: httpx.AsyncClient, diary: Diary, changes: dict[str, Any]
) -> None:
    assert await who(http, diary, a_token(**changes)) is None


@pytest.mark.parametrize(
    "change",
    [{name: value} for name in ("sub", "iss") for value in (7, True, [ISSUER], {"name": "alice"}, 1.5)],
    ids=str,
)
async def test_names_are_text(http: httpx.AsyncClient, diary: Diary, change: dict[str, object]) -> None:
    payload = json.dumps(claims() | change).encode()
    assert await who(http, diary, jwt.PyJWS().encode(payload, SECRET, algorithm="HS256")) is None


@pytest.mark.parametrize("payload", [b"", b"[]", b'"alice"', b"null", b"\xff", b"{", b"[" * 3000])
async def test_claims_are_an_object(http: httpx.AsyncClient, diary: Diary, payload: bytes) -> None:
    assert await who(http, diary, jwt.PyJWS().encode(payload, SECRET, algorithm="HS256")) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [AUDIENCE]},
        {"aud": ["https://issuer.test/userinfo", AUDIENCE]},
        {"unknown": {"claim": [1]}},
    ],
    ids=str,
)
async def test_a_token_within_the_rules_is_accepted(
    http: httpx.AsyncClient, diary: Diary, changes: dict[str, Any]
) -> None:
    assert await who(http, diary, a_token(**changes)) == "alice"


@pytest.mark.parametrize(
    ("claim", "seconds_from_now", "user"),
    [
        ("exp", -LEEWAY_SECONDS + 15, "alice"),
        ("exp", -LEEWAY_SECONDS - 1, None),
        ("iat", LEEWAY_SECONDS - 15, "alice"),
        ("iat", LEEWAY_SECONDS + 60, None),
        ("nbf", -10, "alice"),
        ("nbf", LEEWAY_SECONDS - 15, "alice"),
        ("nbf", LEEWAY_SECONDS + 60, None),
    ],
)
async def test_clocks_may_differ_by_the_leeway(
    http: httpx.AsyncClient, diary: Diary, claim: str, seconds_from_now: int, user: str | None
) -> None:
    changes: dict[str, Any] = {claim: int(time.time()) + seconds_from_now}
    token = a_token(**changes)
    assert await who(http, diary, token) == user


@pytest.mark.parametrize(
    "token",
    [
        forged({"alg": "none"}),
        forged({"alg": "None", "typ": "JWT"}),
        forged({"alg": "nOnE"}, "AAAA"),
        forged({}),
        forged({"alg": None}),
        forged({"alg": ["HS256"]}),
        forged({"alg": "HS256"}),
        forged({"alg": "HS256"}, "AAAA"),
        forged({"alg": "RS256"}, "AAAA"),
        forged([]),
        forged("HS256"),
        forged(None),
        jwt.encode(claims(), SECRET + "?", algorithm="HS256"),
        jwt.encode(claims(), SECRET * 2, algorithm="HS512"),
        jwt.encode(claims(), SECRET, algorithm="HS256", headers={"typ": "id+jwt"}),
        jwt.encode(claims(), SECRET, algorithm="HS256", headers={"crit": ["exp"], "exp": 1}),
        a_token()[:-1],
        a_token() + "A",
        a_token().rpartition(".")[0],
        a_token().rpartition(".")[0] + ".",
        a_token() + ".x",
        a_token().replace(".", ""),
        ".",
        "..",
        "...",
        "x",
        "eyJ" + "A" * 100,
        "=",
        base64.urlsafe_b64encode(b"[" * 6000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode() + ".x.y",
    ],
)
async def test_what_nobody_signed_is_refused(http: httpx.AsyncClient, diary: Diary, token: str) -> None:
    assert await who(http, diary, token) is None


async def test_a_header_cannot_bring_its_own_key(http: httpx.AsyncClient, diary: Diary) -> None:
    mine = "a secret of the attacker's, with at least 32 bytes"
    for header in (
        {"jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(mine.encode()).decode()}},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"kid": "../../dev/null"},
    ):
        assert await who(http, diary, jwt.encode(claims(), mine, algorithm="HS256", headers=header)) is None


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_may_be_written_anyhow(http: httpx.AsyncClient, scheme: str) -> None:
    assert (await ask(http, f"{scheme} {a_token()}")).status_code == 200
    assert (await ask(http, f"{scheme}   {a_token()} ")).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        a_token(),
        f"Basic {a_token()}",
        f"Token {a_token()}",
        f"Bearer: {a_token()}",
        f"Bearer\t{a_token()}",
        f"Bearer {a_token()}, Bearer {a_token()}",
        f"Bearer {a_token()} {a_token()}",
        f'Bearer "{a_token()}"',
        f"Bearer {a_token()}\x00",
        "Bearer " + "é" * 10,
        "Bearer " + "x" * (MAX_TOKEN_LENGTH + 1),
    ],
)
async def test_what_is_no_bearer_token_is_refused(http: httpx.AsyncClient, value: str) -> None:
    response = await http.post("/graphql", json=WHOAMI, headers=[(b"authorization", value.encode("latin-1"))])
    assert_refused(response)


async def test_a_long_token_within_the_limit_is_accepted(http: httpx.AsyncClient, diary: Diary) -> None:
    assert await who(http, diary, a_token(filler="x" * 5000)) == "alice"
    assert await who(http, Diary(), a_token(filler="x" * MAX_TOKEN_LENGTH)) is None


async def test_without_a_token_the_challenge_names_the_scheme_only(http: httpx.AsyncClient) -> None:
    assert_refused(await ask(http), "Bearer")


async def test_two_authorization_headers_are_refused(http: httpx.AsyncClient) -> None:
    for second in (a_token("bob"), a_token()):
        response = await ask(http, f"Bearer {a_token()}", f"Bearer {second}")
        assert_refused(response, 'Bearer error="invalid_request"')


@pytest.mark.parametrize("parameter", ["access_token", "token", "Authorization"])
async def test_a_token_in_the_address_or_a_cookie_is_ignored(http: httpx.AsyncClient, parameter: str) -> None:
    response = await http.get(
        "/graphql",
        params={"query": "{ __typename }", parameter: a_token()},
        headers={"Cookie": f"{parameter}={a_token()}"},
    )
    assert_refused(response, "Bearer")


async def test_the_token_is_checked_before_the_body(http: httpx.AsyncClient, diary: Diary) -> None:
    for method, path in (
        ("POST", "/graphql"),
        ("GET", "/graphql"),
        ("PUT", "/graphql"),
        ("OPTIONS", "/graphql"),
    ):
        assert_refused(await http.request(method, path, content=b"\xff"), "Bearer")

    async def never() -> Any:
        raise AssertionError("the body was read")
        yield b""

    assert_refused(await http.post("/graphql", content=never()), "Bearer")


@pytest.mark.parametrize(
    "path", ["//graphql", "/health/../graphql", "/livez/", "/HEALTH", "/health%2f", "/healthz"]
)
async def test_no_spelling_of_a_path_gets_around_the_token(http: httpx.AsyncClient, path: str) -> None:
    """A path that names nothing says so, with or without a token; the one that names the endpoint asks for one."""
    response = await http.post(path, json=WHOAMI)
    assert response.status_code == (401 if response.url.path == "/graphql" else 404)
    assert "alice" not in response.text


async def test_a_refusal_says_neither_why_nor_what_was_sent(http: httpx.AsyncClient) -> None:
    expired = await ask(http, f"Bearer {a_token(exp=1)}")
    assert expired.json()["errors"][0]["message"] == "The token has expired."
    wrong = [
        a_token(iss="https://other.test"),
        a_token(aud="other"),
        a_token(sub=None),
        a_token().rpartition(".")[0] + "." + "A" * 43,
    ]
    texts = [(await ask(http, f"Bearer {token}")).json()["errors"][0]["message"] for token in wrong]
    assert set(texts) == {"The token is invalid."}


async def test_no_token_is_ever_logged(http: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        for token in (a_token(), a_token(exp=1), "garbage-garbage"):
            await ask(http, f"Bearer {token}")
            await http.get("/graphql", params={"access_token": token})
            assert token not in str(logs)
    assert sum(line["event"] == "http_request" for line in logs) == 6


@pytest.mark.parametrize("secret", ["", "short", "x" * 31, b"x" * 31])
def test_a_short_secret_is_refused(secret: str | bytes) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes") as refused:
        SharedSecretAuthenticator(secret, issuer=ISSUER, audience=AUDIENCE)
    assert not secret or str(secret) not in str(refused.value)


async def test_a_secret_of_32_bytes_is_fine() -> None:
    for secret in (b"\xff" * 32, "é" * 16):
        authenticator = SharedSecretAuthenticator(secret, issuer=ISSUER, audience=AUDIENCE)
        token = jwt.encode(claims(), secret, algorithm="HS256")
        assert await authenticator.authenticate(token) == Principal("alice")
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(a_token())


async def test_there_is_no_way_in_by_websocket(app: FastAPI) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    for path in ("/graphql", "/health"):
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "headers": [],
            "query_string": b"",
            "subprotocols": [],
        }
        await app(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"] * 2


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_padded_part_is_no_part_of_a_token(http: httpx.AsyncClient, diary: Diary, part: int) -> None:
    parts = a_token().split(".")
    parts[part] += "="
    assert await who(http, diary, ".".join(parts)) is None


@pytest.mark.parametrize(("life", "is_accepted"), [(86400, True), (86401, False)])
async def test_a_token_is_good_for_a_day_at_most(
    http: httpx.AsyncClient, diary: Diary, life: int, is_accepted: bool
) -> None:
    now = int(time.time())
    assert (await who(http, diary, a_token(iat=now, exp=now + life)) == "alice") is is_accepted


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": 1000, "iat": 900}, r"it expired \d+ s ago by our clock"),
        (
            {"iat": 31},
            r"it begins 3\d s from now by our clock: if the issuer's is right, ours is behind by as much",
        ),
        ({"aud": "other"}, "InvalidAudienceError"),
        ({"exp": 90000, "iat": 0}, "it is good for 90000 s, longer than AUTH_MAX_TOKEN_LIFE_SECONDS"),
    ],
)
async def test_why_a_token_was_refused_is_in_the_log(
    http: httpx.AsyncClient, changes: dict[str, Any], reason: str
) -> None:
    """A clock that is behind would lock everybody out without a word else."""
    now = int(time.time())
    if ("exp" in changes and changes["exp"] > 80000) or changes.get("iat") == 31:
        changes = {name: now + value + (1 if value == 31 else 0) for name, value in changes.items()}
    token = a_token(**changes)
    with structlog.testing.capture_logs() as logs:
        assert_refused(await ask(http, f"Bearer {token}"))
    [line] = [line for line in logs if line["event"] == "token_refused"]
    assert re.fullmatch(reason, line["reason"])
    assert token not in str(logs)
