"""Our event store while processes that write to it are killed."""

from pathlib import Path

from tests.faults.kill_points import KillPoint
from tests.faults.plans import Plan
from tests.faults.replica_set import ReplicaSet
from tests.faults.rounds import Verdict, judged


def test_nothing_is_lost_repeated_or_reordered_when_writers_are_killed(
    replica_set: ReplicaSet, round_folder: Path
) -> None:
    """Between the sending and the answer of a write, and after an answer that never reached the caller."""
    plan = Plan(1, ("kill writer in-flight", "kill writer after-answer"), quiet_seconds=0.5)
    verdict = judged(plan, replica_set, round_folder)
    assert cut_short_in(verdict, "in-flight")
    after_answer = cut_short_in(verdict, "after-answer")
    assert any(after_answer)


def test_a_killed_writers_transaction_blocks_others_briefly(
    replica_set: ReplicaSet, round_folder: Path
) -> None:
    """The server itself would end it after a minute."""
    plan = Plan(1, ["kill writer before-commit"], processes=0, quiet_seconds=0.5)
    history = judged(plan, replica_set, round_folder).history
    assert history.cut_short()
    longest = max(call.ends[-1].at - call.began for call in history.calls if call.ends)
    assert 0.5 < longest < 6  # it did stand in the way


def cut_short_in(verdict: Verdict, point: KillPoint) -> list[bool]:
    """For each call without an answer of the process that died at this point: whether it is there."""
    happening = next(happening for happening in verdict.happenings if happening.fault.endswith(point))
    history = verdict.history
    return [history.is_there(call) for call in history.cut_short(happening.what.partition(" ")[0])]
