"""What went wrong at the model's service, as the ledger's errors. Their messages hold nothing that the service said."""

import re

import structlog
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from adapters.retry_after import retry_after_seconds
from adapters.service_errors import MalformedAnswer, Misconfigured, QuotaExhausted, WouldFailAgain
from ledger import AnalysisFailure, AnalysisRefused, PhotoNotAccessible, RateLimited, ServiceUnavailable

_log = structlog.get_logger(__name__)

SERVICE = "The photo analysis service"

PHOTO_CODES = frozenset(
    {
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
        "image_file_too_large",
        "image_parse_error",
        "image_too_large",
        "image_too_small",
        "invalid_base64_image",
        "invalid_image",
        "invalid_image_format",
        "invalid_image_mode",
        "invalid_image_url",
        "unsupported_image_media_type",
    }
)
# "invalid_prompt" is the service's code for a prompt that it takes to break its rules of use.
REFUSAL_CODES = frozenset(
    {
        "bio_policy",
        "content_filter",
        "content_policy_violation",
        "image_content_policy_violation",
        "invalid_prompt",
        "misalignment_policy_violation",
        "moderation_blocked",
    }
)
QUOTA_CODES = frozenset({"billing_hard_limit_reached", "billing_not_active", "insufficient_quota"})
LIMIT_CODES = frozenset({"rate_limit_exceeded"})
CONFIGURATION_CODES = frozenset({"data_residency_mismatch", "invalid_api_key", "model_not_found"})

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TRANSIENT_STATUSES = frozenset({408, 409})


def failure_of(error: APIError) -> AnalysisFailure:
    """The ledger's error for one that the SDK raised; a fault of our own is logged."""
    if isinstance(error, APITimeoutError):
        return ServiceUnavailable(f"{SERVICE} did not answer in time.")
    if isinstance(error, APIConnectionError):
        return ServiceUnavailable(f"{SERVICE} cannot be reached.")
    if not isinstance(error, APIStatusError):
        return unreadable()
    retry_after = retry_after_seconds(error.response.headers)
    return failure_by_code(error.code, retry_after) or _failure_by_status(error, retry_after)


def _failure_by_status(error: APIStatusError, retry_after: float | None) -> AnalysisFailure:
    status = error.status_code
    if status == 429:
        return _limited(retry_after)
    if status >= 500 or status in _TRANSIENT_STATUSES:
        return down()
    return _misconfigured(status, error.code)


def failure_by_code(code: str | None, retry_after: float | None = None) -> AnalysisFailure | None:
    """The ledger's error for the service's own code, or None for a code that it is not known to use."""
    if code in PHOTO_CODES:
        return PhotoNotAccessible(
            "The photo could not be opened. Check that its address is public and a picture."
        )
    if code in REFUSAL_CODES:
        return refused()
    if code in QUOTA_CODES:
        _log.error("service_quota_exhausted", service=SERVICE, reason=code)
        return QuotaExhausted(f"{SERVICE} is over its limit.")
    if code in LIMIT_CODES:
        return _limited(retry_after)
    if code in CONFIGURATION_CODES:
        return _misconfigured(None, code)
    return None


def refused() -> AnalysisRefused:
    return AnalysisRefused("The photo was not analysed: the model declined it.")


def down() -> ServiceUnavailable:
    return ServiceUnavailable(f"{SERVICE} is not available at the moment; try again later.")


def cut_off() -> WouldFailAgain:
    """For an answer that reached `max_output_tokens`: the next one would too, and be paid for again."""
    return WouldFailAgain(f"{SERVICE} did not finish its answer.")


def unreadable() -> MalformedAnswer:
    return MalformedAnswer(f"{SERVICE} gave an answer that cannot be read; try again.")


def _limited(retry_after: float | None) -> RateLimited:
    return RateLimited(f"{SERVICE} is over its limit of requests; try again later.", retry_after=retry_after)


def _misconfigured(status: int | None, code: str | None) -> Misconfigured:
    reason = code if code is not None and _IDENTIFIER.fullmatch(code) else None
    _log.error("service_misconfigured", service=SERVICE, status=status, reason=reason)
    return Misconfigured(f"{SERVICE} cannot be used at the moment.")
