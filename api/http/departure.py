"""Clients that leave before they are answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from ledger import Deadline

_TURNS = 4
"""Turns of the event loop after which the end of a connection is known that came with the request.

A process that was frozen finds requests whose clients left long ago. asyncio hands on what they sent in one turn, reads
the end in the next, and has closed the connection after one more.
"""


@asynccontextmanager
async def given_up_by_departure(receive: Receive, deadline: Deadline) -> AsyncIterator[None]:
    """Let `deadline` pass when the client leaves. The body of the request has to be read before."""
    watch = asyncio.create_task(_watch(receive, deadline))
    try:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        yield
    finally:
        watch.cancel()


async def _watch(receive: Receive, deadline: Deadline) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    deadline.give_up()
