"""What callers and readers of an event store have seen while it was under fault, and what it holds at the end.

Every writer and reader keeps a journal, a file of JSON lines, each written before it goes on: the journal of a
process that is killed ends where it was killed. Times are those of the machine's monotonic clock, which all its
processes share.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self, TypeAlias

import msgspec

Outcome = Literal["appended", "refused", "failed", "unknown"]


class Place(NamedTuple):
    """A version of a stream."""

    stream: str
    version: int


class Token(NamedTuple):
    """Which event this is: the `number`-th, from 0, of the `size` events of a call. It is the event's state."""

    call: str
    number: int
    size: int

    def __str__(self) -> str:
        return f"{self.call}:{self.number}/{self.size}"

    @classmethod
    def parse(cls, text: str) -> Self:
        call, _, rest = text.rpartition(":")
        number, _, size = rest.partition("/")
        return cls(call, int(number), int(size))


class Began(msgspec.Struct, tag=True, frozen=True):
    """A call of `insert_events` is about to be made."""

    call: str
    at: float
    places: list[Place]


class Ended(msgspec.Struct, tag=True, frozen=True):
    """It has returned or raised. After "unknown" the call may be repeated, with its append id."""

    call: str
    at: float
    outcome: Outcome
    positions: list[int] = []
    error: str = ""


class Follows(msgspec.Struct, tag=True, frozen=True):
    """A follower of the log begins, beyond a position; of one topic, if any is named."""

    after: int
    topic: str = ""


class Saw(msgspec.Struct, tag=True, frozen=True):
    """A follower of the log was given this event."""

    at: float
    position: int
    place: Place
    token: str


class ReadStream(msgspec.Struct, tag=True, frozen=True):
    """A stream was read beyond version `gt`; the versions that were there, and the tokens of their events."""

    began: float
    ended: float
    stream: str
    gt: int
    versions: list[int]
    tokens: list[str]


class Stopped(msgspec.Struct, tag=True, frozen=True):
    """A reader or writer has ended by itself, in order, or with an error."""

    at: float
    error: str = ""


Line: TypeAlias = Began | Ended | Follows | Saw | ReadStream | Stopped

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Line)


class Journal:
    """The journal of one writer or reader.

    A context manager that closes the file. An error that comes out of the block goes into the journal and no further:
    it is for the checker, which allows no writer or reader to crash.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._file = os.open(folder / f"{name}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, line: Line) -> None:
        """Write a line; it outlives this process once this returns."""
        os.write(self._file, _encoder.encode(line) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        reason = "" if error is None else f"{type(error).__name__}: {error}"
        self.write(Stopped(time.monotonic(), reason))
        os.close(self._file)
        return isinstance(error, Exception)


def read_journal(path: Path) -> list[Line]:
    """The lines of a journal; a last line that was cut off by a kill is left out."""
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [_decoder.decode(line) for line in whole.splitlines()]


@dataclass(frozen=True)
class Entry:
    """An event in the final log."""

    position: int
    place: Place
    token: Token


class Copy(NamedTuple):
    """The document of an event on one member; `digest` is of all its bytes."""

    position: int
    place: Place
    append_id: str
    digest: int


@dataclass(frozen=True)
class Pause:
    """A time in which a fault kept the whole set, or the process `who` if there is one, from serving its callers."""

    began: float
    ended: float
    who: str = ""


@dataclass(frozen=True)
class Call:
    """One call of `insert_events`, with its repeats. `ends` has one element for the call and each repeat."""

    name: str
    writer: str
    began: float
    places: Sequence[Place]
    ends: Sequence[Ended] = ()

    @property
    def outcome(self) -> Outcome | None:
        """What the caller knows in the end; None when it was never told."""
        return self.ends[-1].outcome if self.ends else None


@dataclass(frozen=True)
class Reader:
    """What a reader has seen; `follows` says of which events, if it follows the log."""

    name: str
    follows: Follows | None = None
    saw: Sequence[Saw] = ()
    reads: Sequence[ReadStream] = ()
    stopped: Stopped | None = None


@dataclass(frozen=True)
class History:
    """Everything there is to judge.

    `log` is the log at the end, in the order in which it was read, and `streams` each stream as read by itself.
    `members` is what each member holds, by its address. `killed` are the names of the processes that were killed: a
    writer `w` of process `p` is called `p.w`. `pauses` are times in which no caller could expect an answer. `pace` is
    how many times longer than usual a lone append took on the healed set: the load of the machine, at least 1.
    """

    calls: Sequence[Call]
    readers: Sequence[Reader]
    log: Sequence[Entry]
    streams: Mapping[str, Sequence[tuple[int, Token]]]
    killed: frozenset[str] = field(default=frozenset())
    members: Mapping[str, Sequence[Copy]] = field(default_factory=dict)
    pauses: Sequence[Pause] = ()
    pace: float = 1.0

    def was_killed(self, name: str) -> bool:
        """Whether the writer or reader of this name belongs to a process that was killed."""
        return name.partition(".")[0] in self.killed

    def cut_short(self, process: str = "") -> list[Call]:
        """The calls that death has left without an answer: those of this process, or of all that were killed."""
        return [
            call
            for call in self.calls
            if not call.ends
            and self.was_killed(call.writer)
            and (not process or call.writer.startswith(f"{process}."))
        ]

    def is_there(self, call: Call) -> bool:
        """Whether an event of the call is in the log."""
        return any(entry.token.call == call.name for entry in self.log)


def gather(journals: Iterable[Path]) -> tuple[list[Call], list[Reader]]:
    """The calls and the readers of these journals."""
    calls: list[Call] = []
    readers: list[Reader] = []
    for path in journals:
        lines = read_journal(path)
        name = path.stem
        stopped = next((line for line in reversed(lines) if isinstance(line, Stopped)), None)
        ends: dict[str, list[Ended]] = {}
        for line in lines:
            if isinstance(line, Ended):
                ends.setdefault(line.call, []).append(line)
        calls += [
            Call(line.call, name, line.at, line.places, ends.get(line.call, []))
            for line in lines
            if isinstance(line, Began)
        ]
        readers.append(
            Reader(
                name,
                next((line for line in lines if isinstance(line, Follows)), None),
                [line for line in lines if isinstance(line, Saw)],
                [line for line in lines if isinstance(line, ReadStream)],
                stopped,
            )
        )
    return calls, readers
