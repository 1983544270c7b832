"""Whether a history is one that the event store's promises allow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.faults import answer_rules, append_rules, member_rules, reader_rules
from tests.faults.history import History
from tests.faults.violations import Violation, the_first

Rule = Callable[[History], Iterator[Violation]]

OF_THE_LOG: tuple[Rule, ...] = (
    append_rules.positions_are_1_to_n,
    append_rules.every_event_has_a_caller,
    append_rules.nothing_is_there_twice,
    append_rules.appends_are_whole,
    append_rules.acknowledged_appends_are_there,
    append_rules.other_appends_are_not_there,
    append_rules.refusals_have_a_rival,
    append_rules.log_follows_real_time,
    reader_rules.followers_see_every_position_in_order,
    reader_rules.followers_see_nothing_else,
    reader_rules.followers_reach_the_end,
    reader_rules.stream_versions_are_1_to_k,
    reader_rules.stream_reads_are_true,
    reader_rules.stream_reads_never_go_back,
    member_rules.members_hold_the_same,
    member_rules.documents_are_at_1_to_n,
    member_rules.no_version_has_two_documents,
    member_rules.calls_have_one_append_id,
    answer_rules.every_append_is_answered,
    answer_rules.unknown_is_settled_by_a_repeat,
    answer_rules.the_store_is_alive,
    answer_rules.nobody_crashes,
)


@dataclass(frozen=True)
class Expectations:
    """What is asked of answers: how long an append may wait, and whether every one must have a result.

    `deadline` is the store's own, in seconds; `patience` is how long something may block a set that is healthy; `grace`
    is for a thread that has its answer and does not run at once. Patience and grace are multiplied by the pace of the
    machine, which the round measures. `certain` says that no fault was longer than the deadline, so that no append may
    end in "unknown" or fail.
    """

    deadline: float = 30.0
    patience: float = 6.0
    grace: float = 2.0
    certain: bool = True

    def rules(self, pace: float) -> tuple[Rule, ...]:
        grace = self.grace * pace
        in_time: Rule = partial(answer_rules.no_append_waits_longer_than, self.deadline + grace)
        at_once: Rule = partial(answer_rules.no_append_waits_for_nothing, self.patience * pace + grace)
        certain: tuple[Rule, ...] = (answer_rules.no_append_ends_in_unknown, answer_rules.no_append_fails)
        return (*OF_THE_LOG, in_time, at_once, *(certain if self.certain else ()))


STRICT = Expectations()
"""Every fault is shorter than the store's own deadline."""


def check(history: History, expectations: Expectations = STRICT) -> list[Violation]:
    """The violations found, at most a few of each rule; none if all is well."""
    rules = expectations.rules(history.pace)
    return [violation for rule in rules for violation in the_first(rule(history))]
