"""The ledger's expected errors. Each has a stable code: the API returns it, the log carries it, the metric counts it.

LedgerError
├── InvalidArgument
├── MealNotFound
├── InvalidState
│   └── MealFull
├── UnknownEntry
├── IdempotencyConflict
├── Conflict
├── Unreadable
├── NoFoodRecognized      ┐
├── AmountUnusable        │
├── PhotoNotAccessible    │
├── AnalysisRefused       ├ AnalysisFailure: may end an analysis
├── RateLimited           │
└── ServiceUnavailable    ┘ may also end any command: the diary itself is such a service
    └── OutcomeUnknown
"""

from enum import StrEnum
from typing import TypeAlias, get_args
from uuid import UUID


class ErrorCode(StrEnum):
    """Why a command was rejected or an analysis failed."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    MEAL_NOT_FOUND = "MEAL_NOT_FOUND"
    INVALID_STATE = "INVALID_STATE"
    UNKNOWN_ENTRY = "UNKNOWN_ENTRY"
    NO_FOOD_RECOGNIZED = "NO_FOOD_RECOGNIZED"
    AMOUNT_UNUSABLE = "AMOUNT_UNUSABLE"
    PHOTO_NOT_ACCESSIBLE = "PHOTO_NOT_ACCESSIBLE"
    ANALYSIS_REFUSED = "ANALYSIS_REFUSED"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    RATE_LIMITED = "RATE_LIMITED"
    CONFLICT = "CONFLICT"
    UNREADABLE = "UNREADABLE"


class LedgerError(Exception):
    """An expected error.

    `message` is safe to show to the caller; `field` is the API's name of the argument at fault. `retryable`: whether
    the same request may succeed later, after `retry_after` seconds where that is known.
    """

    code: ErrorCode
    retryable = False
    retry_after: float | None = None

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidArgument(LedgerError):
    """An argument is out of its bounds."""

    code = ErrorCode.VALIDATION_ERROR


class MealNotFound(LedgerError):
    """There is no such meal, or it is another person's: deliberately indistinguishable."""

    code = ErrorCode.MEAL_NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such meal.", field="mealId")


class InvalidState(LedgerError):
    """The meal's present state does not allow the command."""

    code = ErrorCode.INVALID_STATE


class MealFull(InvalidState):
    """The meal has as many events as a meal may have."""


class UnknownEntry(LedgerError):
    """An entry id names no entry of the meal."""

    code = ErrorCode.UNKNOWN_ENTRY


class IdempotencyConflict(LedgerError):
    """The idempotency key was used before, for a different request."""

    code = ErrorCode.IDEMPOTENCY_CONFLICT


class Conflict(LedgerError):
    """The meal kept changing under the command; nothing was appended."""

    code = ErrorCode.CONFLICT
    retryable = True


class Unreadable(LedgerError):
    """An event of the meal is not what this code writes: it is damaged, or a newer version wrote it."""

    code = ErrorCode.UNREADABLE

    def __init__(self) -> None:
        super().__init__("This meal cannot be read; the operator has been told.")


class NoFoodRecognized(LedgerError):
    """The model saw no food in the photo."""

    code = ErrorCode.NO_FOOD_RECOGNIZED


class AmountUnusable(LedgerError):
    """The model saw foods, but gave no usable amount of any of them."""

    code = ErrorCode.AMOUNT_UNUSABLE


class PhotoNotAccessible(LedgerError):
    """The model's service could not fetch or read the photo."""

    code = ErrorCode.PHOTO_NOT_ACCESSIBLE


class AnalysisRefused(LedgerError):
    """The model declined to analyse the photo."""

    code = ErrorCode.ANALYSIS_REFUSED


class RateLimited(LedgerError):
    """A required service is over its limit, or the person's own is reached."""

    code = ErrorCode.RATE_LIMITED
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServiceUnavailable(LedgerError):
    """A required service, the diary's own store included, is down, too slow, or returns malformed answers."""

    code = ErrorCode.SERVICE_UNAVAILABLE
    retryable = True
    retry_after: float | None = 5.0


class OutcomeUnknown(ServiceUnavailable):
    """The store does not know within its deadline whether the append took place. `append_id` finds its outcome."""

    def __init__(self, message: str, *, append_id: UUID) -> None:
        super().__init__(message)
        self.append_id = append_id


AnalysisFailure: TypeAlias = (
    NoFoodRecognized
    | AmountUnusable
    | PhotoNotAccessible
    | AnalysisRefused
    | RateLimited
    | ServiceUnavailable
)
"""The errors that may end an analysis, and no others: their codes are stored in MealAnalysisFailed."""

ANALYSIS_FAILURES: tuple[type[AnalysisFailure], ...] = get_args(AnalysisFailure)


def failure(code: ErrorCode, message: str) -> AnalysisFailure:
    """The error of a stored failure."""
    return _FAILURES[code](message)


_FAILURES: dict[ErrorCode, type[AnalysisFailure]] = {error.code: error for error in ANALYSIS_FAILURES}
