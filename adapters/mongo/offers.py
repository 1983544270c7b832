"""Appends that one process offers another to write, as files in a folder that only this user can open.

An offer is a file named after its ticket. Whoever gets it out of the way has it: another process, which renames it and
then looks what it has got, or its owner, who withdraws it. The answer is another file.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import bson
from eventsourcing.persistence import Tracking

from adapters.mongo.append import Append
from adapters.mongo.causal import Moment
from adapters.mongo.client import CODEC
from adapters.mongo.documents import StreamKey

_log = logging.getLogger(__name__)
_CONFLICT, _NOT_SENT, _MAYBE_SENT = -1, 0, -2
_UNFINISHED = ".new"
_TROUBLE = "writers on this machine cannot take each other's appends along: %s"


class Guest:
    """An append of one event that another process waits for."""

    __slots__ = (
        "append_id",
        "bodies",
        "first_position",
        "keys",
        "maybe_sent",
        "settled",
        "size",
        "tracking",
        "trouble",
    )

    needs_transaction = False

    def __init__(self, append_id: UUID, key: StreamKey, body: bytes) -> None:
        self.append_id = append_id
        self.keys = [key]
        self.bodies = [body]
        self.size = len(body)
        self.tracking: Tracking | None = None
        self.settled = False
        self.maybe_sent = False
        self.first_position: int | None = None
        self.trouble = ""

    def succeed(self, first_position: int | None) -> None:
        """It took place."""
        self.first_position, self.settled = first_position, True

    def conflict(self) -> None:
        """It did not take place, because an event of another append has the version of its event."""
        self.settled, self.maybe_sent = True, False

    def fail(self, error: BaseException) -> None:  # noqa: ARG002 - the process that waits shall see for itself
        """It cannot be written here. Its own process has to try."""
        self.settled, self.maybe_sent = True, True

    @property
    def verdict(self) -> int:
        """What its own process is told: its position, or one of the numbers above."""
        if self.first_position is not None:
            return self.first_position
        if self.settled and not self.maybe_sent:
            return _CONFLICT
        return _MAYBE_SENT if self.maybe_sent else _NOT_SENT


class Answer(NamedTuple):
    """What became of each append of an offer, and the moment after which it shows in reads."""

    verdicts: Sequence[int]
    moment: Moment

    def settle(self, appends: Sequence[Append]) -> list[Append]:
        """Settle the appends that were on offer, but for those that their own process has to write after all.

        Those whose versions are taken now, by themselves or by others.
        """
        decided = []
        for append, verdict in zip(appends, self.verdicts, strict=True):
            append.maybe_elsewhere = verdict == _MAYBE_SENT
            if verdict > 0:
                append.succeed(verdict)
                decided.append(append)
            elif verdict == _CONFLICT:
                append.conflict()
                decided.append(append)
            elif verdict == _NOT_SENT and not append.settled:
                append.maybe_sent = False
        return decided


class Offers:
    """The offers in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)

    def make(self, ticket: int, offer: Sequence[Append]) -> bool:
        """Put appends of one event each on offer; False where there is no room for that, so that they are not."""
        appends = [
            {"a": each.append_id, "s": each.keys[0][0], "v": each.keys[0][1], "b": each.bodies[0]}
            for each in offer
        ]
        return self._write(f"{ticket}.offer", {"appends": appends})

    def withdraw(self, ticket: int) -> bool:
        """Take an offer back; False when another process has it already."""
        return self._delete(f"{ticket}.offer")

    def take(self, ticket: int, size: int) -> list[Guest]:
        """Take what is on offer at a ticket; nothing if its file has more than so many bytes."""
        offered, taken = f"{self._folder}/{ticket}.offer", f"{ticket}.taken"
        try:
            if os.stat(offered).st_size > size:
                return []
            os.rename(offered, f"{self._folder}/{taken}")
        except OSError:  # as a rule there is none
            return []
        found = self._read(taken) or {"appends": []}
        self._delete(taken)
        return [Guest(each["a"], (each["s"], each["v"]), each["b"]) for each in found["appends"]]

    def give_answer(self, ticket: int, guests: Sequence[Guest], moment: Moment) -> None:
        """Say what became of an offer that was taken, and from which moment on it shows."""
        verdicts = [guest.verdict for guest in guests]
        self._write(f"{ticket}.answer", {"verdicts": verdicts, "time": moment[0], "cluster": moment[1]})

    def answer(self, ticket: int) -> Answer | None:
        """The answer to an offer, or None when there is none."""
        name = f"{ticket}.answer"
        found = self._read(name)
        if found is None:
            return None
        self._delete(name)
        return Answer(found["verdicts"], (found["time"], found["cluster"]))

    def wipe(self) -> None:
        """Delete all offers and answers."""
        for name in os.listdir(self._folder):
            if name.endswith((".offer", ".taken", ".answer", _UNFINISHED)):
                self._delete(name)

    def _write(self, name: str, document: dict[str, Any]) -> bool:
        path = f"{self._folder}/{name}"
        unfinished = path + _UNFINISHED
        data = bson.encode(document, codec_options=CODEC)
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                whole = os.write(descriptor, data) == len(data)
            finally:
                os.close(descriptor)
            if whole:
                os.rename(unfinished, path)
        except OSError as error:
            _log.warning(_TROUBLE, error)
            return False
        return whole

    def _read(self, name: str) -> dict[str, Any] | None:
        """The document in a file; None where there is none or, such as for want of descriptors, it cannot be read."""
        try:
            descriptor = os.open(f"{self._folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = os.read(descriptor, os.fstat(descriptor).st_size)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning(_TROUBLE, error)
            return None
        return bson.decode(data, CODEC)

    def _delete(self, name: str) -> bool:
        try:
            os.unlink(f"{self._folder}/{name}")
        except OSError:  # as a rule somebody else has it
            return False
        return True
