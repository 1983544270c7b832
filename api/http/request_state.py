"""What is known about an HTTP request beside itself, passed along in its ASGI scope."""

from typing import cast

from msgspec import Struct
from starlette.types import Scope

from ledger import Deadline

_KEY = "meal_ledger.request_state"


class RequestState(Struct):
    """Filled in on the way: correlation id and deadline first, then who asks, at the end the codes of the errors."""

    correlation_id: str
    deadline: Deadline
    user_id: str | None = None
    error_codes: tuple[str, ...] = ()


def attach(scope: Scope, state: RequestState) -> None:
    scope[_KEY] = state


def state_of(scope: Scope) -> RequestState:
    return cast("RequestState", scope[_KEY])
