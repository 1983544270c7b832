"""The sweep that leaves no meal ANALYZING for ever."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ledger.command_handlers import CommandHandlers
from ledger.errors import LedgerError, ServiceUnavailable
from ledger.local_day import now

_log = logging.getLogger(__name__)


class StaleAnalysisFinder(Protocol):
    """Where meals that wait too long are looked for; it may be behind, since each is looked at again in its stream."""

    async def stale_analyses(self, older_than: datetime, limit: int) -> Sequence[str]:
        """Ids of at most `limit` meals that were ANALYZING, requested before `older_than`."""
        ...


class StaleAnalysisSweep:
    """Looks for analyses older than twice their deadline and fails them. Any number of processes may do so at once."""

    def __init__(
        self,
        finder: StaleAnalysisFinder,
        commands: CommandHandlers,
        *,
        deadline: timedelta,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._finder = finder
        self._commands = commands
        self._deadline = deadline
        self._clock = clock

    async def once(self, limit: int = 1000) -> int:
        """Settle what is found now; how many of them this call settled."""
        found = await self._finder.stale_analyses(self._clock() - 2 * self._deadline, limit)
        return sum([await self._settle(meal_id) for meal_id in found])

    async def _settle(self, meal_id: str) -> bool:
        """Whether this call settled the meal. One that cannot be settled is logged, and keeps no other from it."""
        try:
            return await self._commands.settle_stale(meal_id)
        except ServiceUnavailable:
            raise  # the store is down, for all of them
        except Exception:  # noqa: BLE001 - one unreadable stream must not hide all the others
            _log.exception("stale_analysis_not_settled", extra={"meal_id": meal_id})
            return False

    async def forever(self, every: timedelta) -> None:
        """Sweep now and then again and again, until cancelled. A sweep that fails is logged; the next one comes."""
        while True:
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next sweep must come
                _log.exception(
                    "stale_analysis_sweep_failed", extra={"expected": isinstance(error, LedgerError)}
                )
            await asyncio.sleep(every.total_seconds())
