"""Waiting until a read model has reached a position: one poll serves every query that waits."""

import asyncio
from collections.abc import Awaitable, Callable

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.05


class Progress:
    """Asks `position` for what a read model reflects, again and again while queries wait, for all of them at once.

    It belongs to the event loop that first waits.
    """

    def __init__(self, position: Callable[[], Awaitable[int]]) -> None:
        self._position = position
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._poll: asyncio.Task[None] | None = None

    async def reaches(self, position: int, seconds: float) -> bool:
        """Whether the read model reaches that position within so many seconds. Raises what `position` raises."""
        reached = asyncio.get_running_loop().create_future()
        self._waiting[reached] = position
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._poll_while_awaited())
        try:
            async with asyncio.timeout(seconds):
                await reached
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(reached, None)
        return True

    async def _poll_while_awaited(self) -> None:
        pause = _FIRST_PAUSE
        while self._waiting:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                position = await self._position()
            except Exception as error:  # noqa: BLE001 - whatever it is, each of those that wait is told
                for reached in self._waiting:
                    _settle(reached, error)
                return
            for reached, wanted in self._waiting.items():
                if wanted <= position:
                    _settle(reached, None)
                    pause = _FIRST_PAUSE


def _settle(reached: asyncio.Future[None], error: Exception | None) -> None:
    if reached.done():
        return
    if error is None:
        reached.set_result(None)
    else:
        reached.set_exception(error)
