"""Clients that disconnect before the response."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive

from ledger import Deadline

_TURNS = 4
"""Turns of the event loop after which it is known that the client closed the connection right after its request.

A process that was frozen finds many such requests when it resumes. asyncio delivers the request in one turn, reads the
end of the connection in the next, and reports the disconnect one turn later; one turn is spare.
"""


@asynccontextmanager
async def given_up_by_departure(receive: Receive, deadline: Deadline) -> AsyncIterator[None]:
    """Let `deadline` pass when the client disconnects. The body of the request must have been read before."""
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
