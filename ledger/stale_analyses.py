"""The sweep that fails analyses which a crash cut off, so that no meal stays ANALYZING for ever."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from ledger.analysis_run import AnalysisRuns
from ledger.errors import LedgerError, ServiceUnavailable

_log = logging.getLogger(__name__)


class StaleAnalysisFinder(Protocol):
    """Finds candidates, from a read model that may lag: each is checked again in its stream."""

    async def stale_analyses(self, older_than: datetime, limit: int) -> Sequence[str]:
        """Ids of at most `limit` meals that were ANALYZING, requested before `older_than`."""
        ...


class StaleAnalysisSweep:
    """Finds stale analyses and fails them. Any number of processes may sweep at once."""

    def __init__(self, finder: StaleAnalysisFinder, runs: AnalysisRuns) -> None:
        self._finder = finder
        self._runs = runs

    async def once(self, limit: int = 1000) -> int:
        """Fail the stale analyses of this moment, at most `limit`; how many of them this call failed."""
        found = await self._finder.stale_analyses(self._runs.stale_before(), limit)
        return sum([await self._fail(meal_id) for meal_id in found])

    async def _fail(self, meal_id: str) -> bool:
        """Whether this call failed the analysis. A meal that cannot be loaded is logged and skipped."""
        try:
            return await self._runs.fail_if_stale(UUID(meal_id))
        except ServiceUnavailable:
            raise  # the store is down, for all of them
        except Exception:  # noqa: BLE001 - one unreadable stream must not hide all the others
            _log.exception("stale_analysis_skipped", extra={"meal_id": meal_id})
            return False

    async def forever(self, every: timedelta) -> None:
        """Sweep now and at that interval until cancelled. A failed sweep is logged, and the next one follows."""
        while True:
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001 - the next sweep must follow
                _log.exception(
                    "stale_analysis_sweep_failed", extra={"expected": isinstance(error, LedgerError)}
                )
            await asyncio.sleep(every.total_seconds())
