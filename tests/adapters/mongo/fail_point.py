"""The server's own fail point for commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient


@contextmanager
def failing(url: str, *commands: str, times: int | None = None, after: int = 0, **how: Any) -> Iterator[None]:
    """Let the next `times` commands of these names fail, or else all but the next `after` ones.

    `how` is the server's own words for it.

    The server has to be one with test commands.
    """
    with MongoClient[dict[str, Any]](url) as client:
        data = {"failCommands": list(commands), **how}
        client.admin.command(
            "configureFailPoint",
            "failCommand",
            mode={"times": times} if times else {"skip": after},
            data=data,
        )
        try:
            yield
        finally:
            client.admin.command("configureFailPoint", "failCommand", mode="off")
