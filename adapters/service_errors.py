"""How a call to an outside service fails, where the ledger's errors do not say enough.

The retry layer and the circuit breaker decide by these; to the ledger each is the error that it extends.
"""

from typing import TypeVar

from ledger import LedgerError, RateLimited, ServiceUnavailable

AnyError = TypeVar("AnyError", bound=LedgerError)


class MalformedAnswer(ServiceUnavailable):
    """The service answered something that its protocol does not allow. Worth one more try, not several."""


class UnusableAnswer(MalformedAnswer):
    """The answer is of the protocol, but not what was asked for: one person's photo may be the reason."""


class TimedOut(ServiceUnavailable):
    """The service did not answer in time: one person's photo may be the reason."""


class WouldFailAgain(ServiceUnavailable):
    """The same call would fail in the same way: never retried, and no sign that the service is down."""


class Misconfigured(WouldFailAgain):
    """The service refuses our key, our model or our request: only the operator can mend it."""

    retryable = False
    retry_after = None


class AnswerTooLarge(WouldFailAgain):
    """The service's answer is longer than we read; its length is of what was asked for."""


class CircuitOpen(WouldFailAgain):
    """The service failed so often of late that it is left alone for a while; the call was not made."""


class QuotaExhausted(RateLimited):
    """The account has no credit left. Waiting does not bring it back, so it is never retried."""

    retryable = False


def noted(error: AnyError, seen: str) -> AnyError:
    """The error with a note for the log of what the service did: a status, or the name of an exception."""
    error.add_note(seen)
    return error


def is_service_failure(error: BaseException) -> bool:
    """Whether the error says that the service is down, too slow or answers nonsense.

    A refusal, a photo out of reach, a limit reached and a fault of our own do not: the service did its part.
    """
    return isinstance(error, ServiceUnavailable) and not isinstance(error, WouldFailAgain)


def may_be_the_callers(error: BaseException) -> bool:
    """Whether a service failure may come from what one person sent: it tells of the service once others have it too."""
    return isinstance(error, TimedOut | UnusableAnswer)


def is_worth_a_retry(error: BaseException) -> bool:
    """Whether the same call may succeed a moment later."""
    if isinstance(error, RateLimited):
        return not isinstance(error, QuotaExhausted)
    return is_service_failure(error)
