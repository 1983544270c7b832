"""The line that each command leaves in the log: a rejected or failed command answers 200, and is seen nowhere else."""

from typing import Any
from uuid import UUID

import structlog

from ledger import AnalysisOutcome, AnalysisReport, LedgerError, MealOutcome

_log = structlog.get_logger(__name__)


def log_outcome(operation: str, outcome: MealOutcome, *, seconds: float) -> None:
    """A command that has an outcome, also an analysis that failed."""
    error, details = None, {}
    if isinstance(outcome, AnalysisOutcome):
        error, details = outcome.error, _of_analysis(outcome.report)
    _write(operation, error, outcome.meal.id, seconds, status=outcome.meal.status, **details)


def log_rejection(operation: str, error: LedgerError, *, meal_id: object, seconds: float) -> None:
    """A command that was rejected. `meal_id` is what the caller sent, and is logged where it is an id."""
    _write(operation, error, _identity(meal_id), seconds)


def _write(
    operation: str, error: LedgerError | None, meal_id: str | None, seconds: float, **details: object
) -> None:
    write = _log.warning if error is not None and error.retryable else _log.info
    write(
        "command_handled",
        operation=operation,
        codes=[] if error is None else [error.code.value],
        meal_id=meal_id,
        **details,
        duration_ms=round(seconds * 1000, 1),
    )


def _of_analysis(report: AnalysisReport | None) -> dict[str, Any]:
    if report is None:
        return {}
    run = report.run
    known = {} if run is None else {"model": run.model, "cost": run.cost, "currency": run.cost_currency}
    return known | {f"{step}_ms": duration for step, duration in report.steps.items()}


def _identity(value: object) -> str | None:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return None
