"""Appends that one process offers the others to write: a file that its owner has mapped, and that they map, too.

It has room for the offer of one ticket at a time, and for the answer to that. The owner alone writes the offer, and
whoever has taken it the answer; what is read half-written is told from what is whole by a checksum. Only the step from
open to taken, by another process, or to withdrawn, by the owner, is made under a lock. Nobody waits for that: whoever
does not get it knows that the other side is about to decide.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path
from struct import Struct
from uuid import UUID
from zlib import crc32

import bson

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.client import CODEC
from adapters.mongo.guest import Answer, Guest
from adapters.mongo.shared_files import lock_now, make_room, unlock, words_of

BYTES = 65_536
_STATE, _LENGTH, _COUNT, _ANSWERED = range(4)
_ANSWER, _OFFER = 64, 8192
_OPEN, _TAKEN, _WITHDRAWN = range(3)
_NO_TICKET = -1
_CHECKED = Struct("@II")  # the length of what follows, and its checksum
# An append's id, its event's version, and how long the name of the stream is that follows, if it is a text.
_APPEND = Struct("@16sqi")
_IS_UUID = -1


class OfferSheet:
    """The sheet of one process. What is said with another ticket than the one that has the sheet has no effect."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Raises OSError when there is no room for it, or when its owner is gone."""
        self._path = path
        self._file = os.open(
            path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if create else 0), 0o600
        )
        try:
            if create:
                make_room(self._file, BYTES)
            self._memory = mmap(self._file, BYTES)
            self._words = words_of(self._memory, _ANSWER)
        except (OSError, ValueError) as error:
            os.close(self._file)
            raise OSError(f"{path} cannot be used: {error}") from error

    def begin(self, ticket: int) -> None:
        """The owner has a new ticket, with nothing on offer yet."""
        self._words[_LENGTH] = 0
        self._words[_COUNT] = 0
        self._words[_ANSWERED] = _NO_TICKET
        self._words[_STATE] = _state(ticket, _OPEN)

    def add(self, ticket: int, appends: Sequence[Append]) -> int:
        """The owner puts appends of one event each on offer, beside those that are; for how many there was room.

        Those that come too late, because somebody has just taken the others, are not in the answer.
        """
        if self.is_taken(ticket):
            return 0
        records: list[bytes] = []
        start = end = self._words[_LENGTH]
        for append in appends:
            record = _with_check(ticket, _record(append))
            if _OFFER + end + len(record) > BYTES:
                break
            end += len(record)
            records.append(record)
        self._memory[_OFFER + start : _OFFER + end] = b"".join(records)
        self._words[_LENGTH] = end
        self._words[_COUNT] += len(records)
        return len(records)

    def is_taken(self, ticket: int) -> bool:
        """Whether another process has taken the offer."""
        return self._words[_STATE] != _state(ticket, _OPEN)

    def withdraw(self, ticket: int) -> bool:
        """The owner takes the offer back; False when another process has it, or may be about to take it."""
        with self._locked() as is_locked:
            if not is_locked or self.is_taken(ticket):
                return False
            self._words[_STATE] = _state(ticket, _WITHDRAWN)
            return True

    def answer(self, ticket: int) -> Answer | None:
        """What the owner has been answered; None when there is nothing yet."""
        if self._words[_ANSWERED] != ticket:
            return None
        data = self._checked(ticket, _ANSWER, _OFFER)
        if data is None:
            return None
        found = bson.decode(data, CODEC)
        return Answer(found["verdicts"], (found["time"], found["cluster"]))

    def count(self, ticket: int) -> int:
        """How many appends are on offer."""
        return 0 if self.is_taken(ticket) else self._words[_COUNT]

    def take(self, ticket: int, events: int, size: int) -> list[Guest]:
        """Another process takes what is on offer; nothing if it is more than so many events or bytes."""
        if self.count(ticket) > events or not 0 < self._words[_LENGTH] <= size:
            return []
        with self._locked() as is_locked:
            if not is_locked or self.is_taken(ticket):
                return []
            guests = list(self._guests(ticket))
            if len(guests) > events:
                return []
            if guests:
                self._words[_STATE] = _state(ticket, _TAKEN)
            return guests

    def give_answer(self, ticket: int, guests: Sequence[Guest], moment: Moment) -> None:
        """Whoever has taken it says what became of it, and from which moment on that shows in reads."""
        verdicts = [guest.verdict for guest in guests]
        data = _with_check(
            ticket,
            bson.encode({"verdicts": verdicts, "time": moment[0], "cluster": moment[1]}, codec_options=CODEC),
        )
        if _ANSWER + len(data) <= _OFFER:
            self._memory[_ANSWER : _ANSWER + len(data)] = data
            self._words[_ANSWERED] = ticket

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if not self._memory.closed:
            self._words.release()
            self._memory.close()
            os.close(self._file)

    def _guests(self, ticket: int) -> Iterator[Guest]:
        at, end = _OFFER, min(_OFFER + self._words[_LENGTH], BYTES)
        while at < end and (record := self._checked(ticket, at, end)) is not None:
            at += _CHECKED.size + len(record)
            append_id, version, name_length = _APPEND.unpack_from(record)
            body_at = _APPEND.size + (16 if name_length == _IS_UUID else name_length)
            name = record[_APPEND.size : body_at]
            stream = UUID(bytes=name) if name_length == _IS_UUID else name.decode()
            yield Guest(UUID(bytes=append_id), (stream, version), record[body_at:])

    def _checked(self, ticket: int, start: int, end: int) -> bytes | None:
        """What was written there for a ticket; None if it is not all there yet."""
        length, check = _CHECKED.unpack_from(self._memory, start)
        start += _CHECKED.size
        data = self._memory[start : start + length] if start + length <= end else b""
        return data if data and crc32(data, _seed(ticket)) == check else None

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether the lock could be had at once."""
        is_locked = lock_now(self._file)
        try:
            yield is_locked
        finally:
            if is_locked:
                unlock(self._file)


def _state(ticket: int, step: int) -> int:
    return ticket << 2 | step


def _seed(ticket: int) -> int:
    return ticket & 0xFFFFFFFF


def _with_check(ticket: int, data: bytes) -> bytes:
    """Data that nobody takes for that of another ticket, or for whole when it is not."""
    return _CHECKED.pack(len(data), crc32(data, _seed(ticket))) + data


def _record(append: Append) -> bytes:
    (stream, version), body = append.keys[0], append.bodies[0]
    if isinstance(stream, UUID):
        name, length = stream.bytes, _IS_UUID
    else:
        name = stream.encode()
        length = len(name)
    return b"".join((_APPEND.pack(append.append_id.bytes, version, length), name, body))
