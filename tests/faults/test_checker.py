"""A history that is right passes; each rule fails a history that breaks it, and that one rule alone where it can."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checker import OF_THE_LOG, Expectations, check
from tests.faults.events import topic_of
from tests.faults.history import (
    Began,
    Call,
    Copy,
    Ended,
    Entry,
    Follows,
    History,
    Journal,
    Outcome,
    Pause,
    Place,
    Reader,
    ReadStream,
    Saw,
    Stopped,
    Token,
    gather,
)

Change = Callable[[History], History]


def call(name: str, began: float, places: Sequence[Place], *ends: Ended, writer: str = "") -> Call:
    return Call(name, writer or f"main.{name}", began, places, list(ends))


def ended(name: str, at: float, outcome: Outcome, *positions: int) -> Ended:
    return Ended(name, at, outcome, list(positions))


def entry(position: int, stream: str, version: int, name: str, *part: int) -> Entry:
    return Entry(position, Place(stream, version), Token(name, *(part or (0, 1))))


LOG = [
    entry(1, "s", 1, "a"),
    entry(2, "s", 2, "b", 0, 2),
    entry(3, "t", 1, "b", 1, 2),
    entry(4, "t", 2, "e"),
]
CALLS = [
    call("a", 1.0, [Place("s", 1)], ended("a", 1.1, "appended", 1)),
    call("b", 2.0, [Place("s", 2), Place("t", 1)], ended("b", 2.1, "appended", 2, 3)),
    call("e", 3.0, [Place("t", 2)], ended("e", 3.1, "appended", 4)),
    call("d", 3.0, [Place("t", 2)], ended("d", 3.2, "refused")),
]


def saws(log: Sequence[Entry]) -> list[Saw]:
    return [Saw(5.0 + entry.position, entry.position, entry.place, str(entry.token)) for entry in log]


def streams(log: Sequence[Entry]) -> dict[str, list[tuple[int, Token]]]:
    found: dict[str, list[tuple[int, Token]]] = {}
    for entry in log:
        found.setdefault(entry.place.stream, []).append((entry.place.version, entry.token))
    return found


def copies(log: Sequence[Entry]) -> list[Copy]:
    """The documents of a log, with append ids named after their calls."""
    return [
        Copy(entry.position, entry.place, f"id of {entry.token.call}", hash(entry.token)) for entry in log
    ]


READ = ReadStream(6.0, 6.1, "s", 0, [1, 2], ["a:0/1", "b:0/2"])
FOLLOWER = Reader("main.follower", Follows(0), saws(LOG), [], Stopped(20.0))
STREAM_READER = Reader("main.streams", None, [], [READ], Stopped(20.0))
RIGHT = History(
    CALLS, [FOLLOWER, STREAM_READER], LOG, streams(LOG), members={"one": copies(LOG), "two": copies(LOG)}
)


def with_log(log: Sequence[Entry]) -> Change:
    """Another final log, which all followers saw and all streams agree with."""
    follower = replace(FOLLOWER, saw=saws(log))
    return lambda history: replace(
        history,
        log=log,
        streams=streams(log),
        readers=[follower, STREAM_READER],
        members=dict.fromkeys(history.members, copies(log)),
    )


def with_copies(*changed: Copy) -> Change:
    """One member holds these documents."""
    return lambda history: replace(history, members={**history.members, "two": changed})


def with_copies_everywhere(*changed: Copy) -> Change:
    """Every member holds these documents."""
    return lambda history: replace(history, members=dict.fromkeys(history.members, changed))


def with_call(changed: Call) -> Change:
    """This call in place of the one of its name, or besides the others."""
    return lambda history: replace(
        history, calls=[*(other for other in history.calls if other.name != changed.name), changed]
    )


def with_saws(saw: Sequence[Saw], follows: Follows | None = None) -> Change:
    follower = replace(FOLLOWER, saw=saw, follows=follows or Follows(0))
    return lambda history: replace(history, readers=[follower, STREAM_READER])


def with_reads(*reads: ReadStream) -> Change:
    return lambda history: replace(history, readers=[FOLLOWER, replace(STREAM_READER, reads=reads)])


def moved(*positions: int) -> list[Entry]:
    return [replace(entry, position=position) for entry, position in zip(LOG, positions, strict=True)]


SEEN = saws(LOG)
COPIES = copies(LOG)
EXTRA = call("x", 3.5, [Place("x", 1)])

BROKEN: dict[str, tuple[Change, str]] = {
    "a gap": (with_log(moved(1, 2, 3, 5)), "positions are 1…n"),
    "a repeat": (with_log(moved(1, 2, 3, 3)), "positions are 1…n"),
    "not from 1": (with_log(moved(2, 3, 4, 5)), "positions are 1…n"),
    "a stranger": (with_log([*LOG, entry(5, "u", 1, "nobody")]), "every event has a caller"),
    "another place": (with_log([*LOG[:3], entry(4, "t", 3, "e")]), "every event has a caller"),
    "twice": (with_log([*LOG, entry(5, "t", 3, "e")]), "nothing is there twice"),
    "half of it": (with_log([*LOG[:2], *LOG[3:]]), "appends are whole"),
    "torn apart": (
        with_log([*LOG[:2], replace(LOG[3], position=3), replace(LOG[2], position=4)]),
        "appends are whole",
    ),
    "lost": (with_log(LOG[:3]), "acknowledged appends are there"),
    "told another position": (
        with_call(call("e", 3.0, [Place("t", 2)], ended("e", 3.1, "appended", 5))),
        "acknowledged appends are there",
    ),
    "refused and there": (
        with_call(call("e", 3.0, [Place("t", 2)], ended("e", 3.1, "refused"))),
        "refused appends are not there",
    ),
    "failed and there": (
        with_call(call("e", 3.0, [Place("t", 2)], ended("e", 3.1, "failed"))),
        "failed appends are not there",
    ),
    "refused for nothing": (
        with_call(call("d", 3.0, [Place("t", 3)], ended("d", 3.2, "refused"))),
        "refusals have a rival",
    ),
    "refused by itself": (
        with_call(call("e", 3.0, [Place("t", 2)], ended("e", 3.1, "refused"))),
        "refusals have a rival",
    ),
    "against time": (
        with_call(call("a", 4.0, [Place("s", 1)], ended("a", 4.1, "appended", 1))),
        "the log follows real time",
    ),
    "skipped": (with_saws([*SEEN[:1], *SEEN[2:]]), "followers see every position in order"),
    "seen twice": (with_saws([*SEEN[:2], *SEEN[1:]]), "followers see every position in order"),
    "late": (with_saws([SEEN[0], SEEN[2], SEEN[1], SEEN[3]]), "followers see every position in order"),
    "seen what is not there": (
        with_saws([*SEEN[:3], Saw(9.0, 4, Place("t", 2), "d:0/1")]),
        "followers see every position in order",
    ),
    "seen beyond the end": (
        with_saws([*SEEN, Saw(9.5, 5, Place("t", 3), "d:0/1")]),
        "followers see nothing else",
    ),
    "not seen to the end": (with_saws(SEEN[:3]), "followers reach the end"),
    "another topic": (with_saws(SEEN, Follows(0, "another")), "followers see nothing else"),
    "a version left out": (
        with_log([*LOG[:3], entry(4, "t", 3, "e")]),
        "stream versions are 1…k",
    ),
    "a version twice": (with_log([*LOG[:3], entry(4, "t", 1, "e")]), "stream versions are 1…k"),
    "a stream that differs": (
        lambda history: replace(history, streams={**history.streams, "s": []}),
        "stream versions are 1…k",
    ),
    "a hole read": (with_reads(ReadStream(6.0, 6.1, "s", 0, [2], ["b:0/2"])), "stream reads are true"),
    "read what is not there": (
        with_reads(ReadStream(6.0, 6.1, "s", 0, [1, 2], ["a:0/1", "d:0/1"])),
        "stream reads are true",
    ),
    "read less than before": (
        with_reads(READ, ReadStream(7.0, 7.1, "s", 0, [1], ["a:0/1"])),
        "stream reads never go back",
    ),
    "not read what was appended": (
        with_reads(ReadStream(2.5, 2.6, "s", 0, [1], ["a:0/1"])),
        "stream reads never go back",
    ),
    "a member that lacks one": (with_copies(*COPIES[:3]), "members hold the same"),
    "a member with another document": (
        with_copies(*COPIES[:3], COPIES[3]._replace(digest=0)),
        "members hold the same",
    ),
    "members that hold more than the log": (
        with_copies_everywhere(*COPIES, Copy(5, Place("u", 1), "id of x", 0)),
        "members hold the same",
    ),
    "a gap in the database": (with_copies(*COPIES[:2], COPIES[3]), "documents are at 1…n"),
    "two documents of a version": (
        with_copies(*COPIES, COPIES[3]._replace(position=5)),
        "no version has two documents",
    ),
    "two append ids in a call": (
        with_copies_everywhere(COPIES[0], COPIES[1]._replace(append_id="another"), *COPIES[2:]),
        "calls have one append id",
    ),
    "one append id in two calls": (
        with_copies_everywhere(COPIES[0], COPIES[1], COPIES[2], COPIES[3]._replace(append_id="id of a")),
        "calls have one append id",
    ),
    "blocked for no reason": (
        with_call(call("e", 3.0, [Place("t", 2)], ended("e", 12.0, "appended", 4))),
        "no append waits for nothing",
    ),
    "never answered": (with_call(EXTRA), "every append is answered"),
    "unknown": (with_call(replace(EXTRA, ends=[ended("x", 4.0, "unknown")])), "no append ends in unknown"),
    "unknown for ever": (
        with_call(replace(EXTRA, ends=[ended("x", 4.0, "unknown"), ended("x", 5.0, "unknown")])),
        "unknown is settled by a repeat",
    ),
    "failed": (with_call(replace(EXTRA, ends=[ended("x", 4.0, "failed")])), "no append fails"),
    "too late": (
        with_call(replace(EXTRA, ends=[ended("x", 40.0, "failed")])),
        "no append waits longer than its deadline",
    ),
    "a repeat too late": (
        with_call(replace(EXTRA, ends=[ended("x", 4.0, "unknown"), ended("x", 40.0, "failed")])),
        "no append waits longer than its deadline",
    ),
    "nothing at all": (
        lambda _: History([replace(EXTRA, ends=[ended("x", 4.0, "failed")])], [], [], {}),
        "the store is alive",
    ),
    "a crash": (
        lambda history: replace(history, readers=[replace(FOLLOWER, stopped=Stopped(9.0, "ValueError: no"))]),
        "nobody crashes",
    ),
    "a reader that never ended": (
        lambda history: replace(history, readers=[replace(FOLLOWER, stopped=None)]),
        "nobody crashes",
    ),
}


def test_a_right_history_passes() -> None:
    assert check(RIGHT) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_history_fails(name: str) -> None:
    change, rule = BROKEN[name]
    found = {violation.rule for violation in check(change(RIGHT))}
    assert rule in found


def test_every_rule_is_broken_by_some_history() -> None:
    histories = [change(RIGHT) for change, _ in BROKEN.values()]
    rules = Expectations().rules(pace=1.0)
    never = [rule for rule in rules if not any(list(rule(history)) for history in histories)]
    assert never == []
    assert len(rules) == len(OF_THE_LOG) + 4


def test_killed_writers_may_leave_calls_unanswered() -> None:
    killed = Call("k", "process1.writer0", 3.0, [Place("k", 1)])
    history = replace(RIGHT, calls=[*CALLS, killed], killed=frozenset({"process1"}))
    assert check(history) == []
    in_the_log = [*LOG, entry(5, "k", 1, "k")]
    assert check(with_log(in_the_log)(history)) == []


def test_a_killed_writer_leaves_nothing_in_part() -> None:
    killed = Call("k", "process1.writer0", 3.0, [Place("k", 1), Place("k", 2)])
    history = replace(RIGHT, calls=[*CALLS, killed], killed=frozenset({"process1"}))
    broken = with_log([*LOG, entry(5, "k", 1, "k", 0, 2)])(history)
    assert {violation.rule for violation in check(broken)} == {"appends are whole"}


def test_killed_readers_may_stop_anywhere_but_not_skip() -> None:
    follower = Reader("process1.follower", Follows(0), SEEN[:2])
    history = replace(RIGHT, readers=[*RIGHT.readers, follower], killed=frozenset({"process1"}))
    assert check(history) == []
    skipping = replace(follower, saw=[SEEN[0], SEEN[2]])
    broken = replace(history, readers=[*RIGHT.readers, skipping])
    assert {violation.rule for violation in check(broken)} == {"followers see every position in order"}


@pytest.mark.parametrize("topic", sorted({topic_of(call.name) for call in CALLS}))
def test_a_topic_follower_sees_all_events_of_it(topic: str) -> None:
    of_topic = [entry for entry in LOG if topic_of(entry.token.call) == topic]
    assert 0 < len(of_topic) < len(LOG)
    assert check(with_saws(saws(of_topic), Follows(0, topic))(RIGHT)) == []
    found = {violation.rule for violation in check(with_saws(saws(of_topic[1:]), Follows(0, topic))(RIGHT))}
    assert "followers reach the end" in found


def test_a_short_deadline_may_leave_outcomes_uncertain() -> None:
    """It was shorter than the fault."""
    uncertain = Expectations(certain=False)
    resolved = replace(EXTRA, ends=[ended("x", 4.0, "unknown"), ended("x", 5.0, "failed")])
    assert check(with_call(resolved)(RIGHT), uncertain) == []
    assert {violation.rule for violation in check(with_call(resolved)(RIGHT))} == {
        "no append ends in unknown",
        "no append fails",
    }


@pytest.mark.parametrize(
    ("pauses", "is_excused"),
    [
        ([], False),
        ([Pause(3.0, 7.0)], True),
        ([Pause(3.0, 5.0), Pause(4.0, 5.0)], False),
        ([Pause(2.0, 5.0), Pause(9.0, 20.0)], True),
        ([Pause(3.0, 7.0, "main")], True),
        ([Pause(3.0, 7.0, "process1")], False),
        ([Pause(20.0, 30.0)], False),
    ],
)
def test_only_pauses_concerning_a_process_excuse_its_waits(pauses: list[Pause], is_excused: bool) -> None:
    """Pauses of the whole set, or of the process itself."""
    waited = with_call(call("e", 3.0, [Place("t", 2)], ended("e", 13.5, "appended", 4)))
    found = {violation.rule for violation in check(replace(waited(RIGHT), pauses=pauses))}
    assert ("no append waits for nothing" not in found) == is_excused


def test_a_violation_names_the_call_and_what_it_was_told() -> None:
    change, _ = BROKEN["lost"]
    told = next(str(violation) for violation in check(change(RIGHT)) if "acknowledged" in violation.rule)
    assert "e of main.e" in told
    assert "t v2" in told


def test_a_journal_keeps_a_writers_calls_and_end(tmp_path: Path) -> None:
    with Journal(tmp_path, "main.writer") as journal:
        journal.write(Began("x", 1.0, [Place("s", 1)]))
        journal.write(ended("x", 2.0, "unknown"))
        journal.write(ended("x", 3.0, "appended", 7))
        raise ValueError("no")
    (tmp_path / "process1.follower.jsonl").write_bytes(
        (tmp_path / "main.writer.jsonl").read_bytes().partition(b"\n")[0] + b'\n{"type":"En'
    )
    calls, readers = gather(sorted(tmp_path.iterdir()))
    assert calls == [
        call(
            "x",
            1.0,
            [Place("s", 1)],
            ended("x", 2.0, "unknown"),
            ended("x", 3.0, "appended", 7),
            writer="main.writer",
        ),
        call("x", 1.0, [Place("s", 1)], writer="process1.follower"),
    ]
    assert [reader.stopped and reader.stopped.error for reader in readers] == ["ValueError: no", None]
