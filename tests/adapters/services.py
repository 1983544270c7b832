"""What the tests of the outside clients share: resilience with short waits."""

from adapters.circuit_breaker import InterlockBreaker
from adapters.resilience import Resilience


def quick_resilience(
    service: str = "The service",
    *,
    attempts: int = 3,
    attempt_timeout: float = 5.0,
    budget: float = 5.0,
    failure_threshold: int = 100,
    recovery_seconds: float = 60.0,
) -> Resilience:
    """As in production, with waits of milliseconds."""
    return Resilience(
        service,
        attempts=attempts,
        attempt_timeout=attempt_timeout,
        budget=budget,
        breaker=InterlockBreaker(
            service, failure_threshold=failure_threshold, recovery_seconds=recovery_seconds
        ),
        wait_initial=0.01,
        wait_max=0.02,
    )
