"""GraphQL over HTTP, as its audit suite has it: media types, statuses, and the parameters of a request."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
from starlette.requests import Request

from api.errors import RequestRefused
from api.http.negotiation import GRAPHQL_RESPONSE, JSON
from api.http.requests import MAX_BODY_BYTES, MAX_VARIABLE_DEPTH, MAX_VARIABLE_VALUES, read_graphql_request
from tests.api.client import a_token
from tests.api.ports import Diary

QUERY = {"query": "{ __typename }"}
ANSWER = {"data": {"__typename": "Query"}}


@pytest.fixture
def client(http: httpx.AsyncClient) -> httpx.AsyncClient:
    http.headers["Authorization"] = f"Bearer {a_token()}"
    return http


def code_of(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    return str(error["extensions"]["code"])


async def send(client: httpx.AsyncClient, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return await client.post("/graphql", content=content, headers={k: v for k, v in named.items() if v})


@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_RESPONSE])
async def test_the_answer_has_the_requested_media_type(client: httpx.AsyncClient, media_type: str) -> None:
    response = await send(client, QUERY, accept=media_type)
    assert (response.status_code, response.json()) == (200, ANSWER)
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


async def test_an_unacceptable_answer_is_a_406(client: httpx.AsyncClient) -> None:
    response = await send(client, QUERY, accept="image/png")
    assert (response.status_code, code_of(response)) == (406, "NOT_ACCEPTABLE")
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; Charset="Utf-8"',
        "application/json ; charset=utf8; odd",
    ],
)
async def test_json_in_utf_8_is_taken_however_it_is_spelled(
    client: httpx.AsyncClient, content_type: str
) -> None:
    response = await send(
        client, {"query": "{ a: __typename @skip(if: false) # ü 🍎\n}"}, content_type=content_type
    )
    assert response.json() == {"data": {"a": "Query"}}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=latin-1",
        "application/jsonp",
        "text/json",
    ],
)
async def test_everything_but_json_is_a_415(client: httpx.AsyncClient, content_type: str) -> None:
    response = await send(client, QUERY, content_type=content_type)
    assert (response.status_code, code_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "Content-Type: application/json" in response.json()["errors"][0]["message"]


async def test_a_compressed_body_is_a_415(client: httpx.AsyncClient) -> None:
    response = await send(client, QUERY, content_encoding="gzip")
    assert (response.status_code, code_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("name", ["operationName", "variables", "extensions"])
async def test_a_parameter_may_be_null_or_absent(client: httpx.AsyncClient, name: str) -> None:
    assert (await send(client, QUERY | {name: None})).json() == ANSWER
    assert (await send(client, QUERY)).json() == ANSWER


async def test_parameters_of_the_right_type_are_taken(client: httpx.AsyncClient) -> None:
    body = {
        "query": "query A($x: Boolean!) { __typename @include(if: $x) } query B { b: __typename }",
        "operationName": "A",
        "variables": {"x": True, "unknown": 1},
        "extensions": {"some": ["value"]},
        "unknown": 1,
    }
    assert (await send(client, body)).json() == ANSWER


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'\xef\xbb\xbf{"query": "{ __typename }"}',
        b'{"query": "{ __typename }", "variables": {"x": NaN}}',
        b'{"query": "{ __typename }", "variables": {"x": 1e999}}',
        b'{"query": "{ __typename }", "variables": {"x": "\\ud800"}}',
        b'{"query": "{ __typename }", "variables": {"x": ' + b"1" * 5000 + b"}}",
        b'{"query": "{ __typename }", "variables": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        {},
        {"query": None},
        {"query": {"obj": "ect"}},
        {"query": 0},
        {"query": False},
        {"query": ["array"]},
        *[
            QUERY | {name: value}
            for name, values in {
                "operationName": [{}, 0, False, ["A"]],
                "variables": ["{}", 0, False, ["x"]],
                "extensions": ["{}", 0, False, ["x"]],
            }.items()
            for value in values
        ],
        b"null",
        b'"{ __typename }"',
        b"7",
    ],
)
@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
async def test_an_ill_formed_request_is_a_400(client: httpx.AsyncClient, body: object, accept: str) -> None:
    response = await send(client, body, accept=accept)
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")
    assert "data" not in response.json()


@pytest.mark.parametrize("body", [[QUERY, QUERY], [], [QUERY]])
async def test_a_batch_is_refused(client: httpx.AsyncClient, body: list[Any]) -> None:
    response = await send(client, body)
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")
    assert "batches are not supported" in response.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": ""}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ \x00 }"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ unknown }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { meals }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "type Query { a: Int }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { __typename }", "operationName": "B"}, "BAD_USER_INPUT"),
        ({"query": "query A { __typename } query B { __typename }"}, "BAD_USER_INPUT"),
        ({"query": "query ($id: ID!) { meal(id: $id) { id } }"}, "BAD_USER_INPUT"),
        ({"query": "query ($id: ID!) { meal(id: $id) { id } }", "variables": {"id": {}}}, "BAD_USER_INPUT"),
        (
            {"query": "query ($d: Date!) { dailySummary(date: $d) { mealCount } }", "variables": {"d": "x"}},
            "VALIDATION_ERROR",
        ),
    ],
)
async def test_a_refused_document_status_depends_on_media_type(
    client: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    """It is 400 under the newer media type, 200 under the older one."""
    for media_type, status in ((GRAPHQL_RESPONSE, 400), (JSON, 200)):
        response = await send(client, body, accept=media_type)
        assert (response.status_code, code_of(response)) == (status, code)
        assert "data" not in response.json()
        assert response.headers["content-type"].startswith(media_type)


async def test_an_executed_operation_is_a_200_even_without_data(client: httpx.AsyncClient) -> None:
    response = await send(
        client, {"query": "{ mealHistory(first: 0) { edges { cursor } } }"}, accept=GRAPHQL_RESPONSE
    )
    assert (response.status_code, response.json()["data"]) == (200, None)


async def test_a_query_may_be_a_get(client: httpx.AsyncClient) -> None:
    parameters = {
        "query": "query A($x: Boolean!) { __typename @include(if: $x) }"
        " mutation B { deleteMeal(mealId: 1) { position } }",
        "operationName": "A",
        "variables": '{"x": true}',
        "extensions": "{}",
    }
    for media_type in (JSON, GRAPHQL_RESPONSE):
        response = await client.get("/graphql", params=parameters, headers={"accept": media_type})
        assert (response.status_code, response.json()) == (200, ANSWER)


async def test_a_mutation_by_get_is_refused_with_405(client: httpx.AsyncClient, diary: Diary) -> None:
    response = await client.get(
        "/graphql", params={"query": 'mutation { deleteMeal(mealId: "x") { position } }'}
    )
    assert (response.status_code, code_of(response)) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"
    assert diary.asked == []


@pytest.mark.parametrize(
    "parameters",
    [
        [],
        [("variables", "{}")],
        [("query", "{ __typename }"), ("query", "{ __typename }")],
        [("query", "{ __typename }"), ("variables", "[]")],
        [("query", "{ __typename }"), ("variables", "{")],
        [("query", "{ __typename }"), ("variables", '{"x": NaN}')],
        [("query", "{ __typename }"), ("extensions", "1")],
        [("query", "{ __typename }"), ("variables", '{"x":' + "[" * 5000 + "]" * 5000 + "}")],
    ],
)
async def test_an_ill_formed_get_is_a_400(
    client: httpx.AsyncClient, parameters: list[tuple[str, str]]
) -> None:
    response = await client.get(f"/graphql?{urlencode(parameters)}")
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"])
async def test_other_methods_are_a_405(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql", json=QUERY)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_a_body_may_have_a_mebibyte_and_no_byte_more(client: httpx.AsyncClient) -> None:
    frame = len(json.dumps(QUERY | {"extensions": {"x": ""}}))
    most = QUERY | {"extensions": {"x": "x" * (MAX_BODY_BYTES - frame)}}
    assert len(json.dumps(most)) == MAX_BODY_BYTES
    assert (await send(client, most)).json() == ANSWER
    response = await send(client, json.dumps(most).encode() + b" ")
    assert (response.status_code, code_of(response)) == (413, "REQUEST_TOO_LARGE")


async def test_an_unsized_body_is_read_up_to_the_limit(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MAX_BODY_BYTES:
            sent += 64 * 1024
            yield b" " * (64 * 1024)

    response = await client.post("/graphql", content=endless(), headers={"content-type": "application/json"})
    assert (response.status_code, code_of(response)) == (413, "REQUEST_TOO_LARGE")
    assert sent <= MAX_BODY_BYTES + 64 * 1024


@pytest.mark.parametrize("length", ["9" * 30, str(MAX_BODY_BYTES + 1)])
async def test_a_body_announced_too_large_is_not_read(client: httpx.AsyncClient, length: str) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    response = await client.post(
        "/graphql", content=never(), headers={"content-type": "application/json", "content-length": length}
    )
    assert response.status_code == 413


@pytest.mark.parametrize("length", ["-1", "x", "²", ""])
async def test_a_senseless_length_makes_nothing_crash(client: httpx.AsyncClient, length: str) -> None:
    response = await client.post(
        "/graphql",
        content=json.dumps(QUERY),
        headers=[(b"content-type", b"application/json"), (b"content-length", length.encode("latin-1"))],
    )
    assert response.json() == ANSWER


async def test_the_parameters_of_a_get_have_the_same_limit() -> None:
    scope = {"type": "http", "method": "GET", "path": "/graphql", "headers": []}
    fitting = Request(scope | {"query_string": b"query=" + b"x" * MAX_BODY_BYTES})
    assert len((await read_graphql_request(fitting)).query) == MAX_BODY_BYTES
    too_long = Request(scope | {"query_string": b"query=x" + b"x" * MAX_BODY_BYTES})
    with pytest.raises(RequestRefused) as refused:
        await read_graphql_request(too_long)
    assert refused.value.status == 413


async def test_a_body_that_stalls_is_a_408(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.requests.BODY_TIMEOUT_SECONDS", 0.05)

    async def stalling() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await client.post("/graphql", content=stalling(), headers={"content-type": "application/json"})
    assert (response.status_code, code_of(response)) == (408, "REQUEST_TIMEOUT")


async def test_a_client_that_goes_away_is_no_fault_of_ours() -> None:
    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    headers = [(b"content-type", b"application/json")]
    request = Request({"type": "http", "method": "POST", "path": "/graphql", "headers": headers}, gone)
    with pytest.raises(RequestRefused) as refused:
        await read_graphql_request(request)
    assert refused.value.status == 400


async def test_variables_hold_a_bounded_number_of_values(client: httpx.AsyncClient) -> None:
    most = QUERY | {"variables": {"x": [0] * (MAX_VARIABLE_VALUES - 1)}}
    assert (await send(client, most)).json() == ANSWER
    response = await send(client, QUERY | {"variables": {"x": [{"y": 0}] * (MAX_VARIABLE_VALUES // 2)}})
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")
    assert "1000 values" in response.text


async def test_another_path_is_a_404_in_the_same_shape(client: httpx.AsyncClient) -> None:
    for path in ("/", "/graphql/", "/docs", "/openapi.json", "/redoc"):
        response = await client.get(path)
        assert (response.status_code, code_of(response)) == (404, "NOT_FOUND")


async def test_no_other_origin_is_let_in(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json=QUERY, headers={"Origin": "https://evil.example"})
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_parameters_without_a_value_are_absent(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql?query=%7B__typename%7D&operationName=&variables=&extensions=")
    assert (response.status_code, response.json()) == (200, ANSWER)


@pytest.mark.parametrize("media_type", [JSON, GRAPHQL_RESPONSE])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_hash_without_a_text_has_the_code_that_clients_know(
    client: httpx.AsyncClient, method: str, media_type: str
) -> None:
    """They send the text then, as Apollo's do."""
    hashed = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    if method == "GET":
        response = await client.get(
            "/graphql", params={"extensions": json.dumps(hashed)}, headers={"accept": media_type}
        )
    else:
        response = await send(client, {"extensions": hashed}, accept=media_type)
    assert response.status_code == (200 if media_type == JSON else 400)
    assert code_of(response) == "PERSISTED_QUERY_NOT_SUPPORTED"
    assert response.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
    assert (await send(client, QUERY | {"extensions": hashed})).json() == ANSWER


@pytest.mark.parametrize("name", ["variables", "extensions"])
async def test_a_mebibyte_of_nothing_is_not_decoded(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Hundreds of thousands of empty lists would take the loop for most of a second to build."""
    built: list[object] = []
    decode = msgspec.json.decode

    def noted(raw: bytes, **how: Any) -> object:
        built.append(decode(raw, **how))
        return built[-1]

    monkeypatch.setattr(msgspec.json, "decode", noted)
    body = json.dumps(QUERY | {name: {"x": "#"}}).replace('"#"', "[" + "[]," * 300_000 + "[]]")
    response = await send(client, body.encode())
    assert response.status_code == (400 if name == "variables" else 200)
    assert not any(isinstance(value, dict) for value in built)


@pytest.mark.parametrize(("levels", "status"), [(MAX_VARIABLE_DEPTH - 1, 200), (MAX_VARIABLE_DEPTH, 400)])
async def test_variables_are_nested_so_deep_and_no_deeper(
    client: httpx.AsyncClient, levels: int, status: int
) -> None:
    value: object = 1
    for _ in range(levels):
        value = [value]
    assert (await send(client, QUERY | {"variables": {"x": value}})).status_code == status


async def test_a_large_answer_is_compressed_where_the_client_takes_it(client: httpx.AsyncClient) -> None:
    large = {"query": "{ __schema { types { name description } } }"}
    plain = await send(client, large, accept_encoding="identity")
    packed = await send(client, large, accept_encoding="gzip")
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    assert plain.json() == packed.json()
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert "content-encoding" not in (await send(client, QUERY, accept_encoding="gzip")).headers


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("query ($id: ID!) { meal(id: $id) { id } }", "null"),
        ("{ mealHistory(first: true) { edges { cursor } } }", "true"),
    ],
)
async def test_messages_speak_the_clients_language(client: httpx.AsyncClient, query: str, said: str) -> None:
    response = await send(client, {"query": query, "variables": {"id": None}})
    [error] = response.json()["errors"]
    assert said in error["message"]
    assert not {"None", "True", "False"} & set(re.findall(r"\w+", error["message"]))
