"""What must hold of the documents in the database, on every member, past the store that wrote them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.faults.history import Copy, History
from tests.faults.violations import Violation


def members_hold_the_same(history: History) -> Iterator[Violation]:
    """Every member has the very same documents, and they are those of the log."""
    log = [(entry.position, entry.place) for entry in history.log]
    first: tuple[str, Sequence[Copy]] | None = None
    for address, copies in history.members.items():
        first = first or (address, copies)
        if list(copies) != list(first[1]):
            yield Violation(
                "members hold the same",
                f"{address} differs from {first[0]}",
                _differences(first[1], copies),
            )
        elif [(copy.position, copy.place) for copy in copies] != log:
            yield Violation("members hold the same", f"{address} holds something else than the log shows")


def documents_are_at_1_to_n(history: History) -> Iterator[Violation]:
    for address, copies in history.members.items():
        positions = [copy.position for copy in copies]
        if positions != list(range(1, len(positions) + 1)):
            wrong = next(number for number, position in enumerate(positions, 1) if position != number)
            yield Violation(
                "documents are at 1…n", f"{address} has {positions[wrong - 1]} where {wrong} is due"
            )


def no_version_has_two_documents(history: History) -> Iterator[Violation]:
    for address, copies in history.members.items():
        for place, count in Counter(copy.place for copy in copies).items():
            if count > 1:
                yield Violation("no version has two documents", f"{address} has {count} at {place}")


def calls_have_one_append_id(history: History) -> Iterator[Violation]:
    """All documents of a call carry the same id, and no others do."""
    calls = {entry.position: entry.token.call for entry in history.log}
    for address, copies in history.members.items():
        pairs = {(calls[copy.position], copy.append_id) for copy in copies if copy.position in calls}
        for what, several in (
            ("call", Counter(call for call, _ in pairs)),
            ("append id", Counter(append_id for _, append_id in pairs)),
        ):
            for name, count in several.items():
                if count > 1:
                    yield Violation(
                        "calls have one append id", f"{what} {name} has {count} counterparts on {address}"
                    )


def _differences(one: Sequence[Copy], other: Sequence[Copy]) -> tuple[str, ...]:
    odd = sorted(set(one) ^ set(other))
    return tuple(str(copy) for copy in odd[:10])
