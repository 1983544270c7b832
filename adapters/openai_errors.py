"""What went wrong at the model's service, as the ledger's errors. Their messages hold nothing that the service said."""

import re

import structlog
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from adapters.retry_after import retry_after_seconds
from adapters.service_errors import (
    MalformedAnswer,
    Misconfigured,
    QuotaExhausted,
    TimedOut,
    UnusableAnswer,
    WouldFailAgain,
    noted,
)
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
_PHOTO_STATUSES = frozenset({400, 415})
_IMAGE = re.compile(r"image|picture|photo", re.IGNORECASE)
# What a request may be refused for that is ours: the photo is all that changes from one to the next.
_OURS = re.compile(r"\b(?:models?|param(?:eter)?s?|argument|schema|tokens?|key|body)\b", re.IGNORECASE)


def failure_of(error: APIError) -> AnalysisFailure:
    """The ledger's error for one that the SDK raised, with a note of what the service did."""
    return noted(_failure_of(error), _seen(error))


def _seen(error: APIError) -> str:
    if not isinstance(error, APIStatusError):
        return type(error).__name__
    code = error.code
    return f"HTTP {error.status_code}" + (f" {code}" if code and _IDENTIFIER.fullmatch(code) else "")


def _failure_of(error: APIError) -> AnalysisFailure:
    if isinstance(error, APITimeoutError):
        return TimedOut(f"{SERVICE} did not answer in time.")
    if isinstance(error, APIConnectionError):
        return ServiceUnavailable(f"{SERVICE} cannot be reached.")
    if not isinstance(error, APIStatusError):
        return unreadable()
    retry_after = retry_after_seconds(error.response.headers)
    named = failure_by_code(error.code, retry_after)
    if named is not None:
        return named
    return _photo_not_readable() if _is_of_the_photo(error) else _failure_by_status(error, retry_after)


def _is_of_the_photo(error: APIStatusError) -> bool:
    """Whether a request was refused for its photo by a code that may mean anything, or by none (a number is none)."""
    body = error.body
    if error.status_code not in _PHOTO_STATUSES or not isinstance(body, dict):
        return False
    place, message = str(body.get("param") or ""), str(body.get("message") or "")
    about_image = _IMAGE.search(place) or place == "url" or (not place and _IMAGE.search(message))
    if error.code == "invalid_value":
        return bool(about_image)
    if error.code is not None and not error.code.isdecimal():
        return False
    return not _OURS.search(message) and bool(about_image or place in ("", "input"))


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
        return _photo_not_readable()
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


def _photo_not_readable() -> PhotoNotAccessible:
    return PhotoNotAccessible(
        "The photo could not be opened. Check that its address is public and a picture (JPEG, PNG, WebP or GIF)."
    )


def refused() -> AnalysisRefused:
    return AnalysisRefused("The photo was not analysed: the model declined it.")


def down() -> ServiceUnavailable:
    return ServiceUnavailable(f"{SERVICE} is not available at the moment; try again later.")


def cut_off() -> WouldFailAgain:
    """For an answer that reached `max_output_tokens`: the next one would too, and be paid for again."""
    return WouldFailAgain(f"{SERVICE} did not finish its answer.")


def unreadable() -> MalformedAnswer:
    return MalformedAnswer(f"{SERVICE} gave an answer that cannot be read; try again.")


def unusable() -> UnusableAnswer:
    """For an answer of the protocol that is not what was asked for."""
    return UnusableAnswer(f"{SERVICE} gave an answer that cannot be used; try again.")


def _limited(retry_after: float | None) -> RateLimited:
    return RateLimited(f"{SERVICE} is over its limit of requests; try again later.", retry_after=retry_after)


def _misconfigured(status: int | None, code: str | None) -> Misconfigured:
    reason = code if code is not None and _IDENTIFIER.fullmatch(code) else None
    _log.error("service_misconfigured", service=SERVICE, status=status, reason=reason)
    return Misconfigured(f"{SERVICE} cannot be used at the moment.")
