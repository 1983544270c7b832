"""The SDK's rarer errors, which no server can be made to cause at will."""

import httpx2
import pytest
from openai import APIError, APITimeoutError

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
