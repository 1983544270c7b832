"""What a process has for the others in their common folder, and how it sees theirs."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.mongo import bells, neighbours, turn_board
from adapters.mongo.bells import Bell, BellOfAnother
from adapters.mongo.neighbours import Desk, Neighbours
from adapters.mongo.shared_files import make_room
from adapters.mongo.turn_board import TurnBoard, remove_abandoned


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[Bell]:
    bell = Bell(tmp_path / "bell")
    yield bell
    bell.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[BellOfAnother]:
    other = BellOfAnother(tmp_path / "bell")
    yield other
    other.close()


def seconds(bell: Bell, at_most: float) -> float:
    began = time.monotonic()
    bell.wait(at_most)
    return time.monotonic() - began


@pytest.mark.parametrize("selectable", [1024, 0])
def test_a_bell_wakes_whoever_waits(
    bell: Bell, other: BellOfAnother, monkeypatch: pytest.MonkeyPatch, selectable: int
) -> None:
    """Also in a process with so many open files that `select` has no room for it."""
    monkeypatch.setattr(bells, "_SELECTABLE", selectable)
    assert seconds(bell, 0.05) >= 0.045
    other.ring()
    other.ring()
    assert seconds(bell, 5) < 1
    assert seconds(bell, 0.05) >= 0.045  # both rings have been heard
    ringing = threading.Timer(0.05, other.ring)
    ringing.start()
    assert 0.03 < seconds(bell, 5) < 1
    assert seconds(bell, -1) < 1
    ringing.join()


def test_a_bell_that_nobody_hears_is_rung_in_peace(bell: Bell, other: BellOfAnother, tmp_path: Path) -> None:
    for _ in range(70_000):  # more than a pipe has room for
        other.ring()
    assert seconds(bell, 5) < 1
    bell.remove()
    bell.remove()
    BellOfAnother(tmp_path / "bell").ring()
    BellOfAnother(tmp_path / "never was").ring()


def test_the_bell_of_a_dead_process_is_rung_in_peace(tmp_path: Path) -> None:
    bell, other = Bell(tmp_path / "bell"), BellOfAnother(tmp_path / "bell")
    other.ring()
    bell.close()
    other.ring()
    other.close()
    other.close()
    other.ring()


def test_a_desk_is_there_for_the_others_until_it_is_closed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 3)
    around = Neighbours(tmp_path)
    neighbour = around.get(3)
    assert neighbour is around.get(3) is not None
    assert around.get(4) is around.get(None) is None
    assert not around.is_gone(3)
    around.close()
    assert not around.is_gone(3)
    desk.remove()
    assert around.is_gone(3)
    desk.close()
    assert around.get(3) is None
    assert not list(tmp_path.iterdir())


def test_what_dead_processes_have_left_is_removed(tmp_path: Path) -> None:
    alive, dead, new = (Desk(tmp_path, number) for number in range(3))
    for desk in (dead, new):
        desk.close()  # as the system does when it dies
    for number in (0, 1):
        os.utime(tmp_path / f"{number}.offer", (1, 1))
    (tmp_path / "no number.offer").touch()
    neighbours.remove_gone(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"0.offer", "0.bell", "2.offer", "2.bell", "no number.offer"}  # the last one may be coming
    alive.close()


def test_of_many_neighbours_not_all_are_kept_open(tmp_path: Path) -> None:
    """Processes come and go for years; what is left of those that are gone must not pile up."""
    around = Neighbours(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(200):
        desk = Desk(tmp_path, number)
        neighbour = around.get(number)
        assert neighbour is not None
        neighbour.bell.ring()
        desk.remove()
        desk.close()
        around.trim()
    assert len(os.listdir("/proc/self/fd")) - before <= 3 * neighbours._MOST_KEPT_OPEN + 3
    around.close()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_desk_without_a_bell_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "mkfifo", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="Too many"):
        Desk(tmp_path, 1)
    assert len(os.listdir("/proc/self/fd")) == before
    assert not list(tmp_path.iterdir())


def test_a_board_that_is_removed_while_it_is_opened_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one process would write on a board that nobody else sees any more."""
    folder = tmp_path / "log"
    last = TurnBoard(folder)
    made: list[int] = []

    def remove_first(descriptor: int, size: int) -> None:
        made.append(descriptor)
        if len(made) == 1:
            last.leave()
            last.close()
        make_room(descriptor, size)

    monkeypatch.setattr(turn_board, "make_room", remove_first)
    board = TurnBoard(folder)
    other = TurnBoard(folder)
    assert len(made) == 3
    assert other.number == board.number + 1
    for each in (board, other):
        each.leave()
        each.close()
    assert not folder.exists()


def test_a_board_without_room_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(turn_board, "make_room", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No space"):
        TurnBoard(tmp_path / "log")
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_owner_of_a_ticket_is_known_until_many_came_after_it(tmp_path: Path) -> None:
    first, second = TurnBoard(tmp_path / "log"), TurnBoard(tmp_path / "log")
    tickets = [each.take_ticket() for each in (first, second, first)]
    assert tickets == [0, 1, 2]
    assert [second.owner(ticket) for ticket in range(4)] == [first.number, second.number, first.number, None]
    for _ in range(turn_board._OWNERS_KNOWN):
        second.take_ticket()
    assert first.owner(0) is None
    for each in (first, second):
        each.close()


def test_whoever_leaves_a_board_that_was_removed_leaves_its_successor_alone(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    old = TurnBoard(folder)
    shutil.rmtree(folder)
    new = TurnBoard(folder)
    assert (old.is_there, new.is_there) == (False, True)
    old.leave()
    old.close()
    assert new.is_there
    new.leave()
    new.close()
    assert not folder.exists()


def test_boards_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    used, abandoned = TurnBoard(tmp_path / ("a" * 32)), TurnBoard(tmp_path / ("b" * 32))
    abandoned.close()  # as the system does when it dies
    others = tmp_path / "somebody else's", tmp_path / ("c" * 32)
    for other in others:
        other.mkdir()
        (other / "their file").touch()
    remove_abandoned(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"a" * 32, *(other.name for other in others)}
    assert used.is_there
    used.close()


def test_no_number_is_ever_seen_half_written(tmp_path: Path) -> None:
    one, other = TurnBoard(tmp_path / "log"), TurnBoard(tmp_path / "log")
    values, stop = {2**62, 2**62 + 2**33 + 1}, threading.Event()

    def write() -> None:
        while not stop.is_set():
            for value in values:
                one._words[turn_board._COMPANY] = value

    one._words[turn_board._COMPANY] = 2**62
    writer = threading.Thread(target=write)
    writer.start()
    seen = {other.company.appends for _ in range(100_000)}
    stop.set()
    writer.join()
    assert seen <= values
    for each in (one, other):
        each.close()


def test_what_is_closed_twice_closes_nothing_else(tmp_path: Path) -> None:
    """The number of a closed file is soon that of another one."""
    desk = Desk(tmp_path, 1)
    desk.close()
    with (tmp_path / "another").open("w") as first, (tmp_path / "one more").open("w") as second:
        desk.close()
        for each in (first, second):
            os.fstat(each.fileno())


def test_a_turn_that_is_over_is_skipped_when_it_is_set_back(tmp_path: Path) -> None:
    """By one that stood still, and that nobody but itself sees again."""
    one, other = TurnBoard(tmp_path / "log"), TurnBoard(tmp_path / "log")
    for _ in range(20):
        ticket = other.take_ticket()
        assert ticket is not None
        other.finish(ticket, ticket + 1)
    one._words[turn_board._SERVING] = one._latest = 3
    one.advance(3, 4)
    assert one.serving == 20
    for each in (one, other):
        each.close()
