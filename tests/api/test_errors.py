"""The family of the API's errors: as drawn, and each with the level of the line that its request leaves."""

import re

import httpx
import pytest
import structlog

from api import errors
from api.errors import ApiError
from tests.api.client import a_token


def _family(error: type[ApiError] = ApiError) -> dict[str, int]:
    """Every class below `error`, with its status."""
    below: dict[str, int] = {}
    for child in error.__subclasses__():
        below |= {child.__name__: child.status} | _family(child)
    return below


def test_the_tree_that_is_drawn_is_the_family_there_is() -> None:
    assert errors.__doc__
    drawn = re.findall(r"[├└]── (\w+):? *(\d+)?", errors.__doc__)
    assert sorted(name for name, _ in drawn) == sorted(_family())
    for name, status in drawn:
        assert not status or int(status) == _family()[name], name


@pytest.mark.parametrize(("path", "level"), [("/nowhere", "info"), ("/graphql", "warning")])
async def test_a_request_that_could_not_be_served_leaves_a_warning(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str, level: str
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("api.http.endpoint.response_media_type", crash)
    with structlog.testing.capture_logs() as logs:
        await http.post(path, json={}, headers={"Authorization": f"Bearer {a_token()}"})
    [line] = [line for line in logs if line["event"] == "http_request"]
    assert line["log_level"] == level
