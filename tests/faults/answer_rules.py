"""What must hold of the answers that callers get, and of how long they wait for them."""

from collections.abc import Iterable, Iterator

from tests.faults.history import History, Pause
from tests.faults.violations import Violation, describe


def every_append_is_answered(history: History) -> Iterator[Violation]:
    """But for those of a process that was killed."""
    for call in history.calls:
        if not call.ends and not history.was_killed(call.writer):
            yield Violation("every append is answered", "this one was not", (describe(call),))


def no_append_ends_in_unknown(history: History) -> Iterator[Violation]:
    for call in history.calls:
        if any(end.outcome == "unknown" for end in call.ends):
            yield Violation("no append ends in unknown", "this one did", (describe(call),))


def unknown_is_settled_by_a_repeat(history: History) -> Iterator[Violation]:
    """A call that was told "unknown" learns the truth when it is repeated with its append id."""
    for call in history.calls:
        if call.outcome == "unknown" and not history.was_killed(call.writer):
            yield Violation("unknown is settled by a repeat", "this one stayed unknown", (describe(call),))


def no_append_waits_longer_than(deadline: float, history: History) -> Iterator[Violation]:
    """No call and no repeat of one takes longer than `deadline` seconds."""
    for call in history.calls:
        since = call.began
        for end in call.ends:
            if end.at - since > deadline:
                yield Violation(
                    "no append waits longer than its deadline", f"{end.at - since:.2f} s", (describe(call),)
                )
            since = end.at


def no_append_waits_for_nothing(patience: float, history: History) -> Iterator[Violation]:
    """Beyond the time in which the set could not serve it, no call takes longer than `patience` seconds.

    So nothing left open by a dead process blocks a caller for longer.
    """
    for call in history.calls:
        process = call.writer.partition(".")[0]
        excuses = [pause for pause in history.pauses if pause.who in {"", process}]
        since = call.began
        for end in call.ends:
            waited = end.at - since - _overlap(since, end.at, excuses)
            if waited > patience:
                yield Violation(
                    "no append waits for nothing",
                    f"{waited:.2f} s beside the time in which it had to",
                    (describe(call),),
                )
            since = end.at


def no_append_fails(history: History) -> Iterator[Violation]:
    """Where every fault is shorter than the deadline, an append takes place or meets a rival."""
    for call in history.calls:
        if call.outcome == "failed":
            yield Violation("no append fails", "this one did", (describe(call),))


def the_store_is_alive(history: History) -> Iterator[Violation]:
    """Some append took place: a store that refuses everything breaks no other rule."""
    if not any(call.outcome == "appended" for call in history.calls):
        yield Violation("the store is alive", f"none of {len(history.calls)} appends took place")


def nobody_crashes(history: History) -> Iterator[Violation]:
    """Writers and readers end in order, but for those of a process that was killed."""
    for reader in history.readers:
        if history.was_killed(reader.name):
            continue
        if reader.stopped is None:
            yield Violation("nobody crashes", f"{reader.name} never ended")
        elif reader.stopped.error:
            yield Violation("nobody crashes", f"{reader.name} ended with {reader.stopped.error}")


def _overlap(began: float, ended: float, pauses: Iterable[Pause]) -> float:
    """How many seconds of this time belong to pauses."""
    covered, reached = 0.0, began
    for pause in sorted(pauses, key=lambda pause: pause.began):
        start, end = max(pause.began, reached), min(pause.ended, ended)
        if end > start:
            covered, reached = covered + end - start, end
    return covered
