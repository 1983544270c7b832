"""The family of the ledger's errors: which of them may end an analysis, and what is stored of those."""

import pytest

from ledger import ANALYSIS_FAILURES, ErrorCode, LedgerError, Meal, MealLedger
from ledger.errors import AnalysisFailure, failure
from tests.ledger.plates import ALICE, requested


def test_every_code_belongs_to_one_error() -> None:
    codes = [error.code for error in LedgerError.__subclasses__()]
    assert sorted(codes) == sorted(ErrorCode)


@pytest.mark.parametrize("kind", ANALYSIS_FAILURES)
def test_a_stored_failure_is_read_as_the_same_error(kind: type[AnalysisFailure]) -> None:
    ledger = MealLedger(env={"PERSISTENCE_MODULE": "eventsourcing.popo"})
    meal = requested()
    meal.fail(kind("why"), actor=ALICE)
    ledger.save(meal)
    stored: Meal = ledger.repository.get(meal.id)
    assert stored.failure_code is not None
    assert stored.failure_message is not None
    again = failure(stored.failure_code, stored.failure_message)
    assert (type(again), again.message, again.retryable) == (kind, "why", kind.retryable)
