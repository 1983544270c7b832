"""What must hold of what readers have seen, while the log grew, and of the streams at the end."""

from bisect import bisect_left
from collections.abc import Iterator

from tests.faults.events import topic_of
from tests.faults.history import Entry, History, Reader, Token
from tests.faults.violations import Violation


def followers_see_every_position_in_order(history: History) -> Iterator[Violation]:
    """Every position once, in order, and what they saw there is there at the end."""
    for reader in history.readers:
        if reader.follows is not None:
            for expected, seen in zip(_due(history, reader), reader.saw, strict=False):
                if (seen.position, seen.token) != (expected.position, str(expected.token)):
                    yield Violation(
                        "followers see every position in order",
                        f"{reader.name} saw {seen.token} at {seen.position} where "
                        f"{expected.token} at {expected.position} was due",
                        _around(reader, expected.position),
                    )
                    break


def followers_see_nothing_else(history: History) -> Iterator[Violation]:
    """No follower was given more events than there are at the end."""
    for reader in history.readers:
        if reader.follows is not None:
            due = len(_due(history, reader))
            for seen in reader.saw[due:][:1]:
                yield Violation(
                    "followers see nothing else",
                    f"{reader.name} saw {seen.token} at {seen.position}, beyond the end of the log",
                )


def followers_reach_the_end(history: History) -> Iterator[Violation]:
    """Those that were not killed have seen all there is."""
    for reader in history.readers:
        if reader.follows is not None and not history.was_killed(reader.name):
            due = _due(history, reader)
            if len(reader.saw) < len(due):
                last = reader.saw[-1].position if reader.saw else reader.follows.after
                yield Violation(
                    "followers reach the end",
                    f"{reader.name} saw {len(reader.saw)} of {len(due)} events, the last at {last}",
                )


def stream_versions_are_1_to_k(history: History) -> Iterator[Violation]:
    """In the order of the log, and the same when the stream is read by itself."""
    in_log: dict[str, list[tuple[int, Token]]] = {}
    for entry in history.log:
        in_log.setdefault(entry.place.stream, []).append((entry.place.version, entry.token))
    for stream, events in in_log.items():
        versions = [version for version, _ in events]
        if versions != list(range(1, len(versions) + 1)):
            wrong = next(i for i, version in enumerate(versions, 1) if version != i)
            yield Violation(
                "stream versions are 1…k",
                f"{stream} has version {versions[wrong - 1]} where {wrong} is due",
                tuple(f"v{version}: {token}" for version, token in events[max(0, wrong - 3) : wrong + 2]),
            )
        elif list(history.streams.get(stream, ())) != events:
            yield Violation("stream versions are 1…k", f"{stream} read by itself differs from the log")


def stream_reads_are_true(history: History) -> Iterator[Violation]:
    """Versions without a gap, and what was read is there at the end."""
    at_the_end = {entry.place: str(entry.token) for entry in history.log}
    for reader in history.readers:
        for read in reader.reads:
            due = list(range(read.gt + 1, read.gt + 1 + len(read.versions)))
            if read.versions != due:
                yield Violation(
                    "stream reads are true",
                    f"{reader.name} read versions {read.versions} of {read.stream}, not {due}",
                )
                continue
            for version, token in zip(read.versions, read.tokens, strict=True):
                if at_the_end.get((read.stream, version)) != token:  # type: ignore[call-overload] # a Place is a tuple
                    yield Violation(
                        "stream reads are true",
                        f"{reader.name} read {token} as version {version} of {read.stream}, "
                        f"which is {at_the_end.get((read.stream, version))} at the end",  # type: ignore[call-overload] # same
                    )
                    break


def stream_reads_never_go_back(history: History) -> Iterator[Violation]:
    """A reader never finds a stream shorter than it was, nor without what its own process has appended before."""
    appended = _appended_by_process(history)
    for reader in history.readers:
        longest: dict[str, int] = {}
        for read in reader.reads:
            length = read.gt + len(read.versions)
            own = _latest(appended.get((reader.name.partition(".")[0], read.stream), []), read.began)
            if length < max(longest.get(read.stream, 0), own):
                yield Violation(
                    "stream reads never go back",
                    f"{reader.name} read {read.stream} up to version {length} at {read.began:.3f}; "
                    f"it had read {longest.get(read.stream, 0)}, and its process had appended {own}",
                )
            if read.versions:  # else the stream may well be shorter than `gt`
                longest[read.stream] = max(longest.get(read.stream, 0), length)


def _due(history: History, reader: Reader) -> list[Entry]:
    assert reader.follows is not None
    after, topic = reader.follows.after, reader.follows.topic
    return [
        entry
        for entry in history.log
        if entry.position > after and (not topic or topic_of(entry.token.call) == topic)
    ]


def _around(reader: Reader, position: int) -> tuple[str, ...]:
    near = [seen for seen in reader.saw if abs(seen.position - position) <= 2]
    return tuple(
        f"{seen.at:.3f}: {reader.name} saw {seen.position} {seen.token} {seen.place}" for seen in near[:10]
    )


def _appended_by_process(history: History) -> dict[tuple[str, str], list[tuple[float, int]]]:
    """For each process and stream: when which version was acknowledged, in order of time."""
    appended: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for call in history.calls:
        if call.outcome == "appended":
            for place in call.places:
                key = (call.writer.partition(".")[0], place.stream)
                appended.setdefault(key, []).append((call.ends[-1].at, place.version))
    return {key: sorted(times) for key, times in appended.items()}


def _latest(appended: list[tuple[float, int]], before: float) -> int:
    """The greatest version that was acknowledged before a moment; 0 when there is none."""
    return max((version for _, version in appended[: bisect_left(appended, (before, 0))]), default=0)
