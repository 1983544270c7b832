"""The SDK's rarer errors, which no server can be made to cause at will."""

import httpx2
import pytest
from openai import APIError, APIStatusError, APITimeoutError

from adapters.openai_errors import failure_of
from adapters.service_errors import MalformedAnswer, TimedOut
from ledger import LedgerError

REQUEST = httpx2.Request("POST", "http://localhost/v1/responses")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (APITimeoutError(request=REQUEST), TimedOut),
        (APIError("secret words", REQUEST, body=None), MalformedAnswer),
    ],
)
def test_each_is_an_error_of_the_ledger(error: APIError, failure: type[LedgerError]) -> None:
    assert type(failure_of(error)) is failure
    assert "secret" not in failure_of(error).message


@pytest.mark.parametrize(
    ("status", "code", "seen"),
    [
        (500, None, "HTTP 500"),
        (429, "rate_limit_exceeded", "HTTP 429 rate_limit_exceeded"),
        (429, "words of\nthe service", "HTTP 429"),
    ],
)
def test_a_status_is_noted_with_its_code(status: int, code: str | None, seen: str) -> None:
    response = httpx2.Response(status, request=REQUEST)
    assert failure_of(APIStatusError("secret", response=response, body={"code": code})).__notes__ == [seen]
