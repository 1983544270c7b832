"""The ledger's expected errors: each has a stable code that the API returns, the log carries, the metric counts."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why a command was not done, or an analysis came to nothing."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    MEAL_NOT_FOUND = "MEAL_NOT_FOUND"
    INVALID_STATE = "INVALID_STATE"
    UNKNOWN_ENTRY = "UNKNOWN_ENTRY"
    NO_FOOD_RECOGNIZED = "NO_FOOD_RECOGNIZED"
    PHOTO_NOT_ACCESSIBLE = "PHOTO_NOT_ACCESSIBLE"
    ANALYSIS_REFUSED = "ANALYSIS_REFUSED"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    RATE_LIMITED = "RATE_LIMITED"
    CONFLICT = "CONFLICT"


class LedgerError(Exception):
    """An expected refusal.

    `message` is safe to show to the person who asked; `field` is the API's name of the argument at fault.
    """

    code: ErrorCode

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidArgument(LedgerError):
    """An argument is out of its bounds."""

    code = ErrorCode.VALIDATION_ERROR


class MealNotFound(LedgerError):
    """There is no such meal, or it is another person's: the two are told apart by nobody."""

    code = ErrorCode.MEAL_NOT_FOUND

    def __init__(self) -> None:
        super().__init__("There is no such meal.", field="mealId")


class InvalidState(LedgerError):
    """The meal's status does not allow the command."""

    code = ErrorCode.INVALID_STATE


class UnknownEntry(LedgerError):
    """An entry id names no entry of the meal."""

    code = ErrorCode.UNKNOWN_ENTRY


class IdempotencyConflict(LedgerError):
    """The idempotency key was used before, for a different request."""

    code = ErrorCode.IDEMPOTENCY_CONFLICT


class Conflict(LedgerError):
    """The meal kept changing under the command; nothing was written."""

    code = ErrorCode.CONFLICT


class AnalysisError(LedgerError):
    """The analysis came to nothing; `retryable` says whether a new try can help."""

    retryable = False


class NoFoodRecognized(AnalysisError):
    """The model saw no food in the photo."""

    code = ErrorCode.NO_FOOD_RECOGNIZED


class PhotoNotAccessible(AnalysisError):
    """The photo could not be fetched or read by the model's service."""

    code = ErrorCode.PHOTO_NOT_ACCESSIBLE


class AnalysisRefused(AnalysisError):
    """The model declined to analyse the photo."""

    code = ErrorCode.ANALYSIS_REFUSED


class ServiceUnavailable(AnalysisError):
    """A service that is needed is down, too slow, or answers nonsense."""

    code = ErrorCode.SERVICE_UNAVAILABLE
    retryable = True


class RateLimited(AnalysisError):
    """A service that is needed is over its limit. `retry_after` is in seconds, where the service said it."""

    code = ErrorCode.RATE_LIMITED
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def failure(code: ErrorCode, message: str) -> AnalysisError:
    """The error that a stored failure stands for."""
    return _FAILURES[code](message)


_FAILURES: dict[ErrorCode, type[AnalysisError]] = {
    error.code: error
    for error in (NoFoodRecognized, PhotoNotAccessible, AnalysisRefused, ServiceUnavailable, RateLimited)
}
