"""What must hold of appends, given what their callers were told and what the log holds at the end."""

from collections import Counter
from collections.abc import Iterator

from tests.faults.history import Call, Entry, History
from tests.faults.violations import Violation, describe


class LogIndex:
    """The calls by name, and the log by call and by place."""

    def __init__(self, history: History) -> None:
        self.calls = {call.name: call for call in history.calls}
        self.entries: dict[str, list[Entry]] = {}
        self.holders: dict[tuple[str, int], str] = {}
        for entry in history.log:
            self.entries.setdefault(entry.token.call, []).append(entry)
            self.holders[entry.place] = entry.token.call

    def entries_of(self, call: Call) -> list[Entry]:
        return self.entries.get(call.name, [])


def positions_are_1_to_n(history: History) -> Iterator[Violation]:
    """Without a gap, without a repeat, in order."""
    for expected, entry in enumerate(history.log, 1):
        if entry.position != expected:
            around = history.log[max(0, expected - 3) : expected + 2]
            yield Violation(
                "positions are 1…n",
                f"position {entry.position} where {expected} is due",
                tuple(f"{other.position}: {other.token} at {other.place}" for other in around),
            )
            return


def every_event_has_a_caller(history: History) -> Iterator[Violation]:
    """Every event in the log was appended by a caller, and is where this caller wanted it."""
    index = LogIndex(history)
    for entry in history.log:
        call = index.calls.get(entry.token.call)
        if call is None:
            yield Violation("every event has a caller", f"nobody appended {entry}")
        elif entry.token.number >= len(call.places) or call.places[entry.token.number] != entry.place:
            yield Violation(
                "every event has a caller", f"{entry} is not where it was wanted", (describe(call),)
            )


def nothing_is_there_twice(history: History) -> Iterator[Violation]:
    counts = Counter(entry.token for entry in history.log)
    for token, count in counts.items():
        if count > 1:
            positions = [entry.position for entry in history.log if entry.token == token]
            yield Violation("nothing is there twice", f"{token} is there {count} times, at {positions}")


def appends_are_whole(history: History) -> Iterator[Violation]:
    """All events of a call are there, as neighbours in order, or none; whatever the caller was told."""
    index = LogIndex(history)
    for call in history.calls:
        entries = index.entries_of(call)
        if not entries:
            continue
        found = [entry.token.number for entry in entries]
        positions = [entry.position for entry in entries]
        neighbours = list(range(positions[0], positions[0] + len(call.places)))
        if found != list(range(len(call.places))) or positions != neighbours:
            yield Violation(
                "appends are whole",
                f"events {found} of {len(call.places)} are there, at {positions}",
                (describe(call),),
            )


def acknowledged_appends_are_there(history: History) -> Iterator[Violation]:
    """At the positions that the caller was told."""
    index = LogIndex(history)
    for call in history.calls:
        if call.outcome == "appended":
            found = [entry.position for entry in index.entries_of(call)]
            if found != call.ends[-1].positions:
                yield Violation(
                    "acknowledged appends are there",
                    f"told {call.ends[-1].positions}, found at {found}",
                    (describe(call),),
                )


def other_appends_are_not_there(history: History) -> Iterator[Violation]:
    """A call that was told "refused" or "failed" has left nothing."""
    index = LogIndex(history)
    for call in history.calls:
        entries = index.entries_of(call)
        if entries and call.outcome in {"refused", "failed"}:
            yield Violation(
                f"{call.outcome} appends are not there",
                f"it is there, at {[entry.position for entry in entries]}",
                (describe(call),),
            )


def refusals_have_a_rival(history: History) -> Iterator[Violation]:
    """A refused append wanted what another one has got."""
    index = LogIndex(history)
    for call in history.calls:
        if call.outcome == "refused":
            holders = {index.holders.get(place) for place in call.places}
            if not holders - {None, call.name}:
                yield Violation("refusals have a rival", "nobody else has what it wanted", (describe(call),))


def log_follows_real_time(history: History) -> Iterator[Violation]:
    """An append that began after another was acknowledged comes after it."""
    acknowledged = [call for call in history.calls if call.outcome == "appended" and call.ends[-1].positions]
    by_end = sorted(acknowledged, key=lambda call: call.ends[-1].at)
    latest: Call | None = None
    done = 0
    for call in sorted(acknowledged, key=lambda call: call.began):
        while done < len(by_end) and by_end[done].ends[-1].at < call.began:
            if latest is None or by_end[done].ends[-1].positions[-1] > latest.ends[-1].positions[-1]:
                latest = by_end[done]
            done += 1
        if latest is not None and latest.ends[-1].positions[-1] > call.ends[-1].positions[0]:
            yield Violation(
                "the log follows real time",
                "the second began after the first was acknowledged, and comes before it",
                (describe(latest), describe(call)),
            )
