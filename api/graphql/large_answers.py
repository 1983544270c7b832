"""Executes queries with large answers in threads of their own, so that the event loop serves all others meanwhile.

The library walks through a page of a history without ever letting go of the loop. In a thread it holds the interpreter
for some milliseconds at a time only. The read models stay on their own loop: their calls are handed over.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, TypeVar

from msgspec import structs

from api.graphql.context import Context
from ledger import MealSnapshot
from projections import DailySummary, HistoryQuery, MealPage, ReadModelCondition, ReadModels

_T = TypeVar("_T")

LARGE_COST = 1500
"""Values from which an answer is large: about ten milliseconds of the loop."""
_THREADS = 2
"""So many large answers are in hand at once, of about 15 MB each; more wait, and hold nothing meanwhile.

Each thread that computes makes the loop wait for the interpreter: more of them would make no answer faster.
"""


class LargeAnswers:
    """A few threads, each of which makes one large answer at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, "graphql-large-answers")

    async def make(self, context: Context, work: Callable[[Context], Awaitable[_T]]) -> _T:
        """What `work` returns, run on a loop of a thread, with a context that may be used there."""
        home = asyncio.get_running_loop()
        elsewhere = structs.replace(context, read_models=_HandedOver(context.read_models, home))

        async def run() -> _T:
            return await work(elsewhere)

        # With our log context, so that what is logged there has the request's correlation id.
        return await home.run_in_executor(
            self._threads, contextvars.copy_context().run, lambda: asyncio.run(run())
        )


class _HandedOver:
    """The ReadModels of another loop."""

    def __init__(self, read_models: ReadModels, home: asyncio.AbstractEventLoop) -> None:
        self._read_models = read_models
        self._home = home

    async def meal(
        self, user_id: str, meal_id: str, *, min_position: int | None = None
    ) -> MealSnapshot | None:
        return await self._at_home(self._read_models.meal(user_id, meal_id, min_position=min_position))

    async def meal_history(
        self, user_id: str, query: HistoryQuery, *, min_position: int | None = None
    ) -> MealPage:
        return await self._at_home(self._read_models.meal_history(user_id, query, min_position=min_position))

    async def daily_summary(
        self, user_id: str, day: date, *, min_position: int | None = None
    ) -> DailySummary:
        return await self._at_home(self._read_models.daily_summary(user_id, day, min_position=min_position))

    async def conditions(self) -> tuple[ReadModelCondition, ...]:
        return tuple(await self._at_home(self._read_models.conditions()))

    async def _at_home(self, call: Coroutine[Any, Any, _T]) -> _T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._home))
