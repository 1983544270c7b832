"""Processes of one machine take turns, and nobody waits long for one that is dead or stands still."""

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from bson import Timestamp
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from adapters.mongo import local_turns, turn_board
from adapters.mongo.append import Append
from adapters.mongo.deadline import Deadline
from adapters.mongo.errors import AppendOutcomeUnknownError
from adapters.mongo.local_turns import LocalTurns
from adapters.mongo.offers import Answer, Guest
from adapters.mongo.private_folder import private_folder
from adapters.mongo.turns import FREE, Turn

MOMENT = (Timestamp(1, 1), {"clusterTime": Timestamp(1, 2), "signature": {"hash": b"", "keyId": 2**40}})
NEVER: tuple[None, None] = (None, None)
Open = Callable[[], LocalTurns]


@pytest.fixture
def open_first(tmp_path: Path) -> Iterator[Open]:
    """Each call is another process, as far as the files can tell; the first one is alone until the second comes."""
    opened: list[LocalTurns] = []

    def make() -> LocalTurns:
        opened.append(LocalTurns(tmp_path / "log"))
        return opened[-1]

    yield make
    for turns in opened:
        turns.close()


@pytest.fixture
def open_turns(open_first: Open) -> Open:
    """The same, with two bystanders that are there before."""
    for _ in range(2):
        open_first()
    return open_first


def new_append(stream: UUID | str | None = None) -> Append:
    events = [StoredEvent(stream or uuid4(), 1, "topic", b"state")]
    return Append(events, uuid4(), Deadline.after(10))


def wait(turn: Turn, *offers: list[Append]) -> Answer | None:
    """Wait with these on offer: the first at once, each other one when it is asked for more."""
    left = list(offers)
    return turn.wait(lambda: left.pop(0) if left else [], time.monotonic() + 10)


def test_turns_come_in_the_order_in_which_they_are_taken(open_turns: Open) -> None:
    places = [open_turns().take() for _ in range(4)]
    assert [turn.has_come for turn in places] == [True, False, False, False]
    order: list[int] = []

    def go(number: int) -> None:
        assert wait(places[number]) is None
        assert places[number].has_come
        order.append(number)
        places[number].end(None, NEVER)

    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(go, number) for number in (3, 2, 1)]
        places[0].end(None, NEVER)
        for call in calls:
            call.result(5)
    assert order == [1, 2, 3]


def test_the_next_one_learns_the_greatest_position_that_is_known(open_turns: Open) -> None:
    first, second = open_turns().take(), open_turns().take()
    first.end(41, NEVER)
    wait(second)
    assert second.head == 41
    second.end(None, NEVER)
    third = open_turns().take()
    assert (third.has_come, third.head) == (True, 41)
    third.end(7, NEVER)
    assert open_turns().take().head == 41


@pytest.mark.parametrize("stream", [uuid4(), "a stream named by text"])
def test_whoever_has_the_turn_takes_along_what_is_on_offer(open_turns: Open, stream: UUID | str) -> None:
    first, second, third = (open_turns().take() for _ in range(3))
    there, beaten, again, lost = new_append(stream), new_append(), new_append(), new_append()
    for append in (there, beaten, again, lost):
        append.maybe_sent = True
    with ThreadPoolExecutor(2) as pool:
        answers = [
            pool.submit(wait, turn, offer)
            for turn, offer in ((second, [there, beaten]), (third, [again, lost]))
        ]
        guests: list[Guest] = []
        deadline = Deadline.after(5)
        while len(guests) < 4 and not deadline.passed:
            guests += first.guests(100, 10_000)
        assert [guest.append_id for guest in guests] == [a.append_id for a in (there, beaten, again, lost)]
        assert [guest.keys for guest in guests] == [a.keys for a in (there, beaten, again, lost)]
        assert [guest.bodies for guest in guests] == [a.bodies for a in (there, beaten, again, lost)]
        guests[0].succeed(5)
        guests[1].conflict()
        guests[3].maybe_sent = True
        first.end(5, MOMENT)
        answer, other = (call.result(5) for call in answers)
    assert answer is not None
    assert other is not None
    assert answer.moment == MOMENT
    assert not second.has_come
    again.fail(OperationalError("its deadline has passed"))  # while it was on offer
    assert answer.settle([there, beaten]) == [there, beaten]
    assert other.settle([again, lost]) == []
    assert there.positions() == [5]
    with pytest.raises(IntegrityError):
        beaten.positions()
    assert again.maybe_sent  # as its caller was told
    assert not lost.settled
    lost.fail(OperationalError("no server answers"))
    with pytest.raises(AppendOutcomeUnknownError):  # the other process may have written it
        lost.positions()
    second.end(None, NEVER)
    third.end(None, NEVER)
    assert open_turns().take().has_come


def test_what_comes_while_others_write_is_put_on_offer_with_the_rest(open_turns: Open) -> None:
    first, second = open_turns().take(), open_turns().take()
    one, two, three = new_append(), new_append(), new_append()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [one], [two, three])
        deadline = Deadline.after(5)
        while len(second.offered) < 3 and not deadline.passed:
            time.sleep(0.0005)  # until all of it is on offer
        guests: list[Guest] = []
        while not guests and not deadline.passed:
            guests = first.guests(100, 10_000)
        for position, guest in enumerate(guests, 7):
            guest.succeed(position)
        first.end(9, MOMENT)
        answer = call.result(5)
    assert answer is not None
    assert answer.settle(second.offered) == [one, two, three]
    assert [append.positions() for append in (one, two, three)] == [[7], [8], [9]]


def test_what_comes_after_the_offer_was_taken_is_not_on_offer(open_turns: Open) -> None:
    first, second = open_turns().take(), open_turns().take()
    one, late = new_append(), new_append()
    asked: list[int] = []

    def more() -> list[Append]:
        asked.append(len(asked))
        if len(asked) == 1:
            return [one]
        deadline = Deadline.after(0.2)
        while not first.guests(100, 10_000) and not deadline.passed:
            pass
        return [late]

    second.wait(more, time.monotonic() + 1)
    assert second.offered == [one]
    assert second.was_taken
    assert asked == [0, 1]


def test_what_is_too_large_stays_on_offer_and_gets_its_turn(open_turns: Open) -> None:
    first, second = open_turns().take(), open_turns().take()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append(), new_append()])
        time.sleep(0.02)  # so that it is on offer
        assert first.guests(100, 10) == []
        first.end(None, NEVER)
        assert call.result(5) is None
    assert second.has_come
    assert not second.was_taken


def test_what_is_too_many_is_told_that_it_was_not_sent(open_turns: Open) -> None:
    first, second = open_turns().take(), open_turns().take()
    appends = [new_append(), new_append()]
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, appends)
        time.sleep(0.02)  # so that it is on offer
        assert first.guests(1, 10_000) == []
        first.end(None, NEVER)
        answer = call.result(5)
    assert answer is not None
    assert answer.settle(appends) == []
    assert not any(append.settled or append.maybe_sent for append in appends)


def test_what_is_taken_is_what_its_owner_takes_to_be_on_offer(open_turns: Open) -> None:
    """It is withdrawn and put on offer again, with more, while another process is taking it."""
    for _ in range(50):
        first, second = open_turns().take(), open_turns().take()
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(wait, second, *([new_append()] for _ in range(10)))
            guests: list[Guest] = []
            deadline = Deadline.after(5)
            while not guests and not deadline.passed:
                guests = first.guests(100, 10_000)
            first.end(None, NEVER)
            assert call.result(5) is not None
        assert [guest.append_id for guest in guests] == [append.append_id for append in second.offered]
        second.end(None, NEVER)


def test_a_turn_that_does_not_end_is_passed_over_and_harms_nobody_when_it_does(open_turns: Open) -> None:
    stuck, second = open_turns().take(), open_turns().take()
    began = time.monotonic()
    assert wait(second, [new_append()]) is None
    assert 0.2 < time.monotonic() - began < 2
    assert second.has_come
    assert not second.was_taken
    third = open_turns().take()
    stuck.end(9, NEVER)
    assert not third.has_come  # it is still the second's turn
    second.end(8, NEVER)
    wait(third)
    assert third.head == 9


def test_an_offer_that_was_taken_but_not_answered_may_be_there(open_turns: Open) -> None:
    dying, second = open_turns().take(), open_turns().take()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append()])
        deadline = Deadline.after(5)
        while not dying.guests(100, 10_000) and not deadline.passed:
            time.sleep(0.001)  # until it is on offer
        assert call.result(5) is None
    assert second.has_come
    assert second.was_taken


@pytest.mark.parametrize("taken", [True, False])
def test_one_that_is_interrupted_takes_its_offer_back_or_knows_that_it_was_taken(
    open_turns: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    first, second = open_turns().take(), open_turns().take()

    def interrupt(_: float) -> None:
        if taken:
            assert len(first.guests(100, 10_000)) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(local_turns, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        wait(second, [new_append()])
    assert second.was_taken is taken
    assert not list(tmp_path.rglob("*.offer"))


def test_no_turn_is_waited_for_beyond_the_deadline(open_turns: Open) -> None:
    _, second = open_turns().take(), open_turns().take()
    began = time.monotonic()
    second.wait(list, began + 0.1)
    assert time.monotonic() - began < 0.2


def test_whoever_comes_first_forgets_what_was_known_before(open_first: Open) -> None:
    """All who wrote are gone, so that a backup may have been restored meanwhile."""
    one, other = open_first(), open_first()
    one.take().end(100, NEVER)
    one.close()
    third = open_first()
    turn = third.take()
    assert turn.head == 100  # the others are still there
    turn.end(None, NEVER)
    for turns in (other, third):
        turns.close()
    _, last = open_first(), open_first()
    assert last.take().head == 0


def test_one_that_is_alone_needs_no_turn_until_another_comes(open_first: Open) -> None:
    one = open_first()
    assert one.take() is FREE
    other = open_first()
    turn = one.take()
    assert turn is not FREE
    assert turn.has_come
    assert not other.take().has_come


def test_the_last_one_leaves_nothing_behind(open_first: Open, tmp_path: Path) -> None:
    one, other = open_first(), open_first()
    one.close()
    assert (tmp_path / "log").exists()
    other.close()
    assert not list(tmp_path.iterdir())


def test_what_one_that_was_killed_has_left_is_wiped(open_first: Open, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "turns").write_bytes(bytes([9, 0, 0, 0, 0, 0, 0, 0] * 3))
    (folder / "12.offer").write_bytes(b"a part of what it wanted")
    _, other = open_first(), open_first()
    turn = other.take()
    assert (turn.has_come, turn.head) == (True, 0)
    assert not list(folder.glob("*.offer"))


def test_a_position_that_is_half_written_is_not_believed(open_turns: Open) -> None:
    """Nothing guards what is told: the next one may read it while it is being written."""
    one, other = open_turns(), open_turns()
    one.board.tell(5)
    one.board._set(turn_board._HEAD, 1000)
    assert other.take().head == 0
    other.board.tell(6)
    assert one.board.head == 6


def test_one_that_stands_still_with_the_lock_stops_nobody(open_turns: Open, tmp_path: Path) -> None:
    turns = open_turns()
    with (tmp_path / "log" / "turns").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        began = time.monotonic()
        assert turns.take() is FREE
        assert time.monotonic() - began < 1
    assert turns.take().has_come


def test_the_files_stay_open_as_long_as_a_turn_lasts(open_turns: Open) -> None:
    turns = open_turns()
    turn = turns.take()
    descriptors = turns.board._file, turns.board._users
    turns.close()
    turns.close()
    for descriptor in descriptors:
        os.fstat(descriptor)
    assert turns.take() is FREE
    turn.end(3, NEVER)
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_forked_process_takes_locks_of_its_own(open_turns: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = open_turns()
    inherited = turns.board
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert turns.take().has_come
    assert turns.board is not inherited
    assert not turns.board.is_alone


def test_without_room_for_an_offer_everybody_writes_alone(
    open_turns: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = open_turns().take(), open_turns().take()
    shutil.rmtree(tmp_path / "log")
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append()])
        time.sleep(0.02)  # it has tried by then
        assert first.guests(100, 10_000) == []
        first.end(None, NEVER)
        assert call.result(5) is None
    assert second.has_come
    assert not second.was_taken
    assert "cannot take each other's appends along" in caplog.text


def test_what_cannot_be_read_for_want_of_descriptors_is_left_to_its_owner(
    open_turns: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = open_turns().take(), open_turns().take()
    opens = os.open

    def open_all_but(path: str, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith((".taken", ".answer")):
            raise OSError(errno.EMFILE, "Too many open files")
        return opens(path, flags, mode)

    monkeypatch.setattr(os, "open", open_all_but)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append()])
        time.sleep(0.02)  # so that it is on offer
        assert first.guests(100, 10_000) == []
        first.end(None, NEVER)
        assert call.result(5) is None
    assert second.has_come
    assert second.was_taken
    assert "Too many open files" in caplog.text


def test_a_forked_process_without_a_place_for_the_files_takes_no_turns(
    open_turns: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = open_turns()

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "getpid", lambda: -1)
    monkeypatch.setattr(local_turns, "TurnBoard", refuse)
    assert turns.take() is FREE
    assert turns.take() is FREE
    turns.close()


def test_the_folder_is_this_users_alone() -> None:
    folder = private_folder("a log")
    assert folder == private_folder("a log") != private_folder("another log")
    assert folder.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o750])
def test_a_folder_that_others_can_open_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # no shared memory here
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    private_folder("a log").parent.chmod(mode)
    with pytest.raises(OSError, match="is not a folder of this user alone"):
        private_folder("a log")
