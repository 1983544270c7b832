"""Deadlines: they pass by themselves, never, or when they are given up."""

import math

from ledger import NO_DEADLINE, Deadline


def test_a_deadline_has_so_many_seconds_left() -> None:
    deadline = Deadline.after(60)
    assert 0 < deadline.remaining <= 60
    assert not deadline.passed


def test_a_deadline_that_has_passed_has_nothing_left() -> None:
    deadline = Deadline.after(-1)
    assert (deadline.passed, deadline.remaining) == (True, 0)


def test_no_deadline_never_passes() -> None:
    assert (NO_DEADLINE.passed, NO_DEADLINE.remaining) == (False, math.inf)


def test_a_deadline_given_up_has_passed() -> None:
    deadline = Deadline.after(60)
    deadline.give_up()
    assert (deadline.passed, deadline.remaining) == (True, 0)
