"""What the model's answers have cost of late, and the ceiling at which it is asked no more."""

from collections import deque
from collections.abc import Callable
from time import monotonic

import structlog

from adapters.service_errors import WouldFailAgain

_log = structlog.get_logger(__name__)

_HOUR_SECONDS = 3600.0


class CeilingReached(WouldFailAgain):
    """The calls of the last hour have cost as much as the operator allows."""


class Charge:
    """What a call costs that was made at a moment of the clock, in seconds."""

    __slots__ = ("amount", "at")

    def __init__(self, at: float, amount: float) -> None:
        self.at = at
        self.amount = amount


class HourlySpending:
    """Adds up what calls cost within any hour, and refuses calls from `most` on, in the currency of the price table.

    A call in hand, and one whose answer never came or does not tell its tokens, is taken to cost the mean of the
    others: the service may charge for it all the same. So the ceiling is passed by no more than what the calls in hand
    cost beyond that. The sum is of this process, and a restart begins at nothing.
    """

    def __init__(self, most: float, *, clock: Callable[[], float] = monotonic) -> None:
        self._most = most
        self._clock = clock
        self._charges: deque[Charge] = deque()
        self._known_calls = 0
        self._known_cost = 0.0
        self._closed_at: float | None = None

    def require_room(self) -> None:
        """Raises CeilingReached, which says in how many seconds there will be room."""
        now = self._clock()
        while self._charges and self._charges[0].at <= now - _HOUR_SECONDS:
            self._charges.popleft()
        spent = sum(charge.amount for charge in self._charges)
        if spent >= self._most:
            self._close(now, spent)
        elif self._closed_at is not None:
            _log.warning("analyses_turned_on", after_seconds=round(now - self._closed_at))
            self._closed_at = None

    def begin(self) -> Charge:
        """A call is made."""
        charge = Charge(self._clock(), self._known_cost / self._known_calls if self._known_calls else 0.0)
        self._charges.append(charge)
        return charge

    def settle(self, charge: Charge, cost: float) -> None:
        """The call of that charge turned out to cost so much."""
        charge.amount = cost
        self._known_calls += 1
        self._known_cost += cost

    def _close(self, now: float, spent: float) -> None:
        if self._closed_at is None:
            self._closed_at = now
            _log.error(
                "analyses_turned_off",
                setting="OPENAI_MAX_COST_PER_HOUR",
                spent=round(spent, 4),
                most=self._most,
            )
        refused = CeilingReached("Photos cannot be analysed at the moment. Please try again later.")
        refused.retry_after = self._until_room(spent) - now
        raise refused

    def _until_room(self, spent: float) -> float:
        for charge in self._charges:
            spent -= charge.amount
            if spent < self._most:
                return charge.at + _HOUR_SECONDS
        raise AssertionError("without any charge there is room")
