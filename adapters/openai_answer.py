"""An answer of the Responses API, in types of our own: other servers leave out what the SDK takes for granted."""

import msgspec
from msgspec import Struct

from adapters.openai_errors import cut_off, down, failure_by_code, refused, unreadable, unusable
from ledger import TokenUsage

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MOST_TOKENS = 10**9


def _count(tokens: int | None) -> int | None:
    """What a server claims, where it can be: an event keeps it for ever."""
    return tokens if tokens is not None and 0 <= tokens <= _MOST_TOKENS else None


class _InputDetails(Struct, frozen=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Usage(Struct, frozen=True):
    input_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens: int | None = None


class _Part(Struct, frozen=True):
    type: str | None = None
    text: str | None = None


class _Item(Struct, frozen=True):
    type: str | None = None
    content: tuple[_Part, ...] | str | None = None

    def said(self) -> tuple[_Part, ...]:
        """The parts of a message; a bare text is one part."""
        if self.type != "message" or self.content is None:
            return ()
        if isinstance(self.content, str):
            return (_Part(type="output_text", text=self.content),)
        return self.content


class _Error(Struct, frozen=True):
    code: str | int | None = None

    @property
    def name(self) -> str | None:
        """The code; a number, as a gateway's, names nothing."""
        return self.code if isinstance(self.code, str) else None


class _Incomplete(Struct, frozen=True):
    reason: str | None = None


class ModelAnswer(Struct, frozen=True):
    """One answer; `model` is the model that gave it, by its own name."""

    status: str | None = None
    model: str | None = None
    service_tier: str | None = None
    error: _Error | None = None
    incomplete_details: _Incomplete | None = None
    output: tuple[_Item | None, ...] | None = ()
    usage: object = None

    @property
    def tokens(self) -> TokenUsage:
        usage = _usage(self.usage)
        details = usage.input_tokens_details or _InputDetails()
        return TokenUsage(
            input=_count(usage.input_tokens),
            cached=_count(details.cached_tokens),
            written=_count(details.cache_write_tokens),
            output=_count(usage.output_tokens),
        )

    def text(self) -> str:
        """What the model said.

        Raises AnalysisRefused, PhotoNotAccessible, RateLimited, ServiceUnavailable when it did not say it to the end,
        or said nothing.
        """
        if self.error is not None or self.status == "failed":
            raise failure_by_code(self.error.name if self.error else None) or down()
        if self.status == "incomplete":
            reason = self.incomplete_details.reason if self.incomplete_details else None
            raise failure_by_code(reason) or cut_off()
        parts = [part for item in self.output or () if item for part in item.said()]
        if any(part.type == "refusal" for part in parts):
            raise refused()
        if self.status not in (None, "completed"):
            raise unreadable()
        said = "".join(part.text or "" for part in parts if part.type == "output_text")
        if not said.strip():
            raise unusable()
        return said


def _usage(reported: object) -> _Usage:
    """What it took is worth less than what it said: a report that cannot be read is none."""
    try:
        return msgspec.convert(reported, _Usage, strict=False)
    except msgspec.ValidationError:
        return _Usage()


def decode_answer(content: bytes) -> ModelAnswer:
    """Raises MalformedAnswer when it is no answer of this protocol."""
    try:
        return msgspec.json.decode(content.removeprefix(_BYTE_ORDER_MARK), type=ModelAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        malformed = unreadable()
    raise malformed
