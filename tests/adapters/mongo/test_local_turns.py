"""Processes of one machine take turns, and nobody waits long for one that is dead or stands still."""

import errno
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from bson import Timestamp
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from adapters.mongo import local_turns, neighbours, turn_board
from adapters.mongo.append import Append
from adapters.mongo.bells import Bell
from adapters.mongo.company import Experience
from adapters.mongo.deadline import Deadline
from adapters.mongo.errors import AppendOutcomeUnknownError
from adapters.mongo.guest import Answer, Guest
from adapters.mongo.local_turns import LocalTurns
from adapters.mongo.offer_sheet import OfferSheet
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
        places[number].end(None, NEVER, 0)

    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(go, number) for number in (3, 2, 1)]
        places[0].end(None, NEVER, 0)
        for call in calls:
            call.result(5)
    assert order == [1, 2, 3]


def test_the_next_one_learns_the_greatest_position_that_is_known(open_turns: Open) -> None:
    one, other = open_turns(), open_turns()
    first, second = one.take(), other.take()
    first.end(41, NEVER, 0)
    wait(second)
    assert second.head == 41
    second.end(None, NEVER, 0)
    third = one.take()
    assert (third.has_come, third.head) == (True, 41)
    third.end(7, NEVER, 0)
    assert other.take().head == 41


def test_a_newcomer_forgets_the_position_that_was_known(open_turns: Open) -> None:
    """It may be that of a former life of the log, if the first one to come has died before it wiped the board."""
    open_turns().take().end(41, NEVER, 0)
    assert open_turns().take().head == 0


@pytest.mark.parametrize("stream", [uuid4(), "a stream named by text"])
def test_whoever_has_the_turn_takes_along_what_is_on_offer(open_turns: Open, stream: UUID | str) -> None:
    first, second, third = (open_turns().take() for _ in range(3))
    there, beaten, again, lost = new_append(stream), new_append(), new_append(), new_append()
    for append in (there, beaten, again, lost):
        append.maybe_sent = append.maybe_elsewhere = True
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
        first.end(5, MOMENT, 0)
        answer, other = (call.result(5) for call in answers)
    assert answer is not None
    assert other is not None
    assert answer.moment == MOMENT
    assert not second.has_come
    again.fail(OperationalError("its deadline has passed"))  # while it was on offer
    assert answer.settle([there, beaten]) == ([there], [beaten])
    assert other.settle([again, lost]) == ([], [])
    assert there.positions() == [5]
    with pytest.raises(IntegrityError):
        beaten.positions()
    assert again.maybe_sent  # as its caller was told
    assert not lost.settled
    lost.fail(OperationalError("no server answers"))
    with pytest.raises(AppendOutcomeUnknownError):  # the other process may have written it
        lost.positions()
    second.end(None, NEVER, 0)
    third.end(None, NEVER, 0)
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
        first.end(9, MOMENT, 0)
        answer = call.result(5)
    assert answer is not None
    assert answer.settle(second.offered) == ([one, two, three], [])
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


def test_what_has_no_verdict_was_not_taken() -> None:
    """It was put on offer just when the others were taken."""
    one, late, later = new_append(), new_append(), new_append()
    for append in (one, late, later):
        append.maybe_sent = append.maybe_elsewhere = True
    later.fail(OperationalError("its deadline has passed"))
    assert Answer([7], MOMENT).settle([one, late, later]) == ([one], [])
    assert not late.settled
    assert not late.maybe_elsewhere
    assert not late.maybe_sent
    assert later.maybe_sent  # as its caller was told


def test_whoever_waits_is_woken(open_turns: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a bell, long before it would look for itself."""
    monkeypatch.setattr(local_turns, "_LOOK_SECONDS", 0.2)
    first, second, third = (open_turns().take() for _ in range(3))
    with ThreadPoolExecutor(2) as pool:
        guest_call, next_call = pool.submit(wait, second, [new_append()]), pool.submit(wait, third)
        guests: list[Guest] = []
        deadline = Deadline.after(5)
        while not guests and not deadline.passed:
            guests = first.guests(100, 10_000)
        guests[0].succeed(1)
        began = time.monotonic()
        first.end(1, MOMENT, 1)
        assert guest_call.result(5) is not None
        assert next_call.result(5) is None
    assert third.has_come
    assert time.monotonic() - began < 0.15


def test_the_next_one_has_its_turn_before_the_guests_have_their_answers(
    open_turns: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has to send, they have only to wake up."""
    others = open_turns(), open_turns()
    first, second, third = open_turns().take(), others[0].take(), others[1].take()
    had_its_turn = []

    def look(*_: object) -> None:
        had_its_turn.append(others[1].board.serving == others[1].board.following - 1)

    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append()])
        deadline = Deadline.after(5)
        while not first.guests(100, 10_000) and not deadline.passed:
            pass
        monkeypatch.setattr(OfferSheet, "give_answer", look)
        first.end(1, MOMENT, 1)
        began = time.monotonic()
        assert call.result(5) is None
    assert had_its_turn == [True]
    assert second.was_taken  # and has been waited for in vain
    assert 0.2 < time.monotonic() - began < 2
    wait(third)
    assert third.has_come


def test_what_is_too_large_stays_on_offer_and_gets_its_turn(open_turns: Open) -> None:
    first, second = open_turns().take(), open_turns().take()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append(), new_append()])
        time.sleep(0.02)  # so that it is on offer
        assert first.guests(100, 10) == []
        first.end(None, NEVER, 0)
        assert call.result(5) is None
    assert second.has_come
    assert not second.was_taken


def test_what_is_too_many_stays_on_offer_and_gets_its_turn(open_turns: Open) -> None:
    first, second = open_turns().take(), open_turns().take()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append(), new_append()])
        time.sleep(0.02)  # so that it is on offer
        assert first.guests(1, 10_000) == []
        first.end(None, NEVER, 0)
        assert call.result(5) is None
    assert second.has_come
    assert not second.was_taken


def test_no_more_is_taken_than_there_is_room_for(open_turns: Open) -> None:
    first, second, third = (open_turns().take() for _ in range(3))
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(wait, turn, [new_append(), new_append()]) for turn in (second, third)]
        time.sleep(0.02)  # so that all is on offer
        guests = first.guests(3, 10_000)
        assert len(guests) == 2
        first.end(None, NEVER, 0)
        answers = [call.result(5) for call in calls]
    assert [answer is None for answer in answers] == [False, True]
    assert third.has_come


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
            first.end(None, NEVER, 0)
            assert call.result(5) is not None
        assert [guest.append_id for guest in guests] == [append.append_id for append in second.offered]
        second.end(None, NEVER, 0)


def test_a_turn_that_does_not_end_is_passed_over_and_harms_nobody_when_it_does(open_turns: Open) -> None:
    stuck, second = open_turns().take(), open_turns().take()
    began = time.monotonic()
    assert wait(second, [new_append()]) is None
    assert 0.2 < time.monotonic() - began < 2
    assert second.has_come
    assert not second.was_taken
    third = open_turns().take()
    stuck.end(9, NEVER, 0)
    assert not third.has_come  # it is still the second's turn
    second.end(8, NEVER, 0)
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
    open_turns: Open, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    first, second = open_turns().take(), open_turns().take()

    def interrupt(*_: object) -> None:
        if taken:
            assert len(first.guests(100, 10_000)) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(Bell, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        wait(second, [new_append()])
    assert second.was_taken is taken
    assert first.guests(100, 10_000) == []


def test_no_turn_is_waited_for_beyond_the_deadline(open_turns: Open) -> None:
    _, second = open_turns().take(), open_turns().take()
    began = time.monotonic()
    second.wait(list, began + 0.1)
    assert time.monotonic() - began < 0.2


def test_whoever_comes_first_begins_anew(open_first: Open) -> None:
    one, other = open_first(), open_first()
    for _ in range(3):
        one.take().end(None, NEVER, 0)
    one.close()
    third = open_first()
    assert third.board.serving == 3  # the others are still there
    for turns in (other, third):
        turns.close()
    assert open_first().board.serving == 0


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
    os.mkfifo(folder / "1.bell")
    _, other = open_first(), open_first()
    turn = other.take()
    assert (turn.has_come, turn.head) == (True, 0)
    assert not (folder / "12.offer").exists()


def test_a_position_that_is_half_written_is_not_believed(open_turns: Open) -> None:
    """Nothing guards what is told: the next one may read it while it is being written."""
    one, other = open_turns(), open_turns()
    one.board.tell(5)
    one.board._words[turn_board._HEAD] = 1000
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
    descriptors = turns.board._turns, turns.board._users
    turns.close()
    turns.close()
    for descriptor in descriptors:
        os.fstat(descriptor)
    assert turns.take() is FREE
    turn.end(3, NEVER, 0)
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


def test_offers_that_cannot_be_opened_are_left_to_their_owners(
    open_turns: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = open_turns().take(), open_turns().take()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append()])
        time.sleep(0.02)  # so that it is on offer
        with monkeypatch.context() as patch:
            patch.setattr(neighbours, "OfferSheet", refuse)
            assert first.guests(100, 10_000) == []
            first.end(None, NEVER, 0)
        assert call.result(5) is None
    assert second.has_come
    assert not second.was_taken


def test_an_offer_that_is_larger_than_a_sheet_is_made_in_part(open_turns: Open) -> None:
    first, second = open_turns().take(), open_turns().take()
    small, large = (
        new_append(),
        Append([StoredEvent(uuid4(), 1, "t", bytes(70_000))], uuid4(), Deadline.after(9)),
    )
    more = new_append()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [small, large, more], [new_append()])
        guests: list[Guest] = []
        deadline = Deadline.after(5)
        while not guests and not deadline.passed:
            guests = first.guests(100, 1_000_000)
        assert [guest.append_id for guest in guests] == [small.append_id]
        guests[0].succeed(4)
        first.end(4, MOMENT, 1)
        answer = call.result(5)
    assert answer is not None
    assert second.offered == [small]
    assert answer.settle(second.offered) == ([small], [])


def test_a_new_turn_of_a_process_takes_the_place_of_one_that_was_left(open_turns: Open) -> None:
    """Of a leader that was interrupted before it could end it."""
    first, others = open_turns().take(), open_turns()
    left, second = others.take(), others.take()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append()])
        began = time.monotonic()
        first.end(None, NEVER, 0)
        assert call.result(5) is None
    assert second.has_come
    assert time.monotonic() - began < 0.2
    assert wait(left, [new_append()]) is None
    assert left.offered == []
    left.end(None, NEVER, 0)
    second.end(None, NEVER, 0)
    others.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(others.board._turns)


def test_a_turn_that_is_set_back_by_one_that_stood_still_is_put_right(open_turns: Open) -> None:
    """It read whose turn it was, stood still, and then wrote whose turn was next."""
    one, other = open_turns(), open_turns()
    for _ in range(200):
        one.take().end(None, NEVER, 0)
    turn = one.take()
    other.take().end(None, NEVER, 0)
    one.board._words[turn_board._SERVING] = 1
    assert other.board.serving == one.board.serving == 200
    began = time.monotonic()
    waiting = other.take()
    one.board._words[turn_board._SERVING] = 1
    turn.end(None, NEVER, 0)
    wait(waiting)
    assert waiting.has_come
    assert time.monotonic() - began < 0.1


def test_turns_that_were_given_up_are_passed_at_once(open_turns: Open) -> None:
    """Of callers whose deadlines have passed, and who would be many in an outage."""
    one, other = open_turns(), open_turns()
    stuck = one.take()
    for _ in range(30):
        late = other.take()
        late.wait(list, time.monotonic())
        late.end(None, NEVER, 0)
    last = open_turns().take()
    began = time.monotonic()
    stuck.end(None, NEVER, 0)
    wait(last)
    assert last.has_come
    assert time.monotonic() - began < 0.1


def test_patience_is_shared_by_those_who_cannot_wait_long(open_turns: Open) -> None:
    """Each waits less than a stuck turn is given, and comes again."""
    stuck, other = open_turns().take(), open_turns()
    began = time.monotonic()
    while True:
        turn = other.take()
        turn.wait(list, time.monotonic() + 0.1)
        turn.end(None, NEVER, 0)
        if other.board.serving > 0:
            break
        assert time.monotonic() - began < 2
    assert not stuck.guests(1, 1)


def test_a_new_turn_is_given_its_time_after_a_rest(open_turns: Open) -> None:
    one, other = open_turns(), open_turns()
    one.take().end(None, NEVER, 0)
    time.sleep(0.3)  # longer than anybody may have the turn
    has_it, waits = one.take(), other.take()
    began = time.monotonic()
    waits.wait(list, began + 0.1)
    assert has_it.has_come
    assert other.board.serving == 1  # it is still its turn


def test_a_dead_process_with_the_turn_is_passed_over_soon(open_turns: Open) -> None:
    dying, other = open_turns(), open_turns()
    dying.take()
    dying.desk.bell.close()  # as the system does when it dies
    waits = other.take()
    began = time.monotonic()
    wait(waits)
    assert waits.has_come
    assert time.monotonic() - began < 0.15
    dying.desk.bell = Bell(dying._folder / "another.bell")  # to be closed


@pytest.fixture
def four(open_turns: Open) -> list[LocalTurns]:
    return [open_turns() for _ in range(4)]


def test_those_who_were_answered_together_are_waited_for(
    four: list[LocalTurns], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_turns, "_FRESH_SECONDS", 5.0)
    four[1].experience.usual_write = 5.0
    four[0].take().end(3, NEVER, 3)
    turn = four[1].take()
    came: list[int] = []

    def ready() -> int:
        came.append(len(came))
        return 1 if len(came) < 10 else 2

    with ThreadPoolExecutor(2) as pool:
        gathered = pool.submit(turn.gather, ready)
        other = four[2].take()
        waiting = pool.submit(wait, other, [new_append()])
        gathered.result(3)  # before its time is up: two here, and one on offer
        assert len(turn.guests(100, 10_000)) == 1
        turn.end(None, NEVER, 0)
        assert waiting.result(5) is not None


def test_nobody_is_waited_for_longer_than_a_batch_takes(
    four: list[LocalTurns], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_turns, "_FRESH_SECONDS", 5.0)
    four[1].experience.usual_write = 0.05
    four[0].take().end(3, NEVER, 3)
    turn = four[1].take()
    began = time.monotonic()
    turn.gather(lambda: 1)
    assert 0.05 <= time.monotonic() - began < 0.2
    turn.end(None, NEVER, 1)


@pytest.mark.parametrize("why", ["enough", "long ago", "not worth it"])
def test_company_is_not_waited_for_in_vain(
    four: list[LocalTurns], monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(local_turns, "_FRESH_SECONDS", 0.05 if why == "long ago" else 5.0)
    four[1].experience.usual_write = 5.0
    four[0].take().end(3, NEVER, 3)
    turn = four[1].take()
    if why == "long ago":
        time.sleep(0.06)
    if why == "not worth it":
        for _ in range(5):
            four[1].experience.waited(5.0, 5, 5)
    monkeypatch.setattr(Bell, "wait", lambda *_: pytest.fail("it has waited"))
    turn.gather(lambda: 3 if why == "enough" else 1)
    turn.end(None, NEVER, 1)


def test_the_last_turn_tells_whom_to_wait_for(four: list[LocalTurns]) -> None:
    first, second = four[0].take(), four[1].take()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append(), new_append()])
        time.sleep(0.02)  # so that they are on offer
        before = time.monotonic()
        first.end(None, NEVER, 5)
        call.result(5)
    company = four[2].board.company
    assert company.appends == 5 + 2
    assert before <= company.since <= time.monotonic()


def test_only_whoever_has_the_turn_tells_whom_to_wait_for(four: list[LocalTurns]) -> None:
    first, second = four[0].take(), four[1].take()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second, [new_append()])
        deadline = Deadline.after(5)
        while not first.guests(100, 10_000) and not deadline.passed:
            pass
        first.end(1, MOMENT, 9)
        assert call.result(5) is not None
    told = four[2].board.company
    second.end(1, MOMENT, 0)
    assert four[2].board.company == told
    assert told.appends == 9


def test_each_turn_teaches_how_long_writing_takes_and_what_waiting_brings(
    four: list[LocalTurns], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_turns, "_FRESH_SECONDS", 5.0)
    wrote: list[float] = []
    waited: list[tuple[float, int, int]] = []
    monkeypatch.setattr(Experience, "wrote", lambda _, seconds: wrote.append(seconds))
    monkeypatch.setattr(Experience, "waited", lambda _, *what: waited.append(what))
    four[0].take().end(None, NEVER, 3)
    turn = four[1].take()
    four[1].experience.usual_write = 0.05
    with ThreadPoolExecutor(1) as pool:
        needs_a_transaction = pool.submit(wait, four[2].take())  # which has nothing on offer
        turn.gather(lambda: 1)
        time.sleep(0.02)  # as long as it writes
        turn.end(None, NEVER, 1)
        needs_a_transaction.result(5)
    [_, seconds] = wrote
    assert 0.02 <= seconds < 0.05  # without the wait
    [(seconds, before, after)] = waited
    assert 0.05 <= seconds < 0.2
    assert (before, after) == (2, 2)


def test_what_was_waited_for_the_turn_is_no_time_of_writing(
    four: list[LocalTurns], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote: list[float] = []
    monkeypatch.setattr(Experience, "wrote", lambda _, seconds: wrote.append(seconds))
    first, second = four[0].take(), four[1].take()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(wait, second)
        time.sleep(0.05)
        first.end(None, NEVER, 1)
        call.result(5)
    second.end(None, NEVER, 1)
    assert wrote[1] < 0.04 < wrote[0]


def test_an_answer_is_not_waited_for_beyond_the_deadline(
    open_turns: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_turns, "_PATIENCE_SECONDS", 5.0)
    monkeypatch.setattr(OfferSheet, "give_answer", lambda *_: None)
    first, second = open_turns().take(), open_turns().take()
    offer = [[new_append()]]
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        call = pool.submit(second.wait, lambda: offer.pop() if offer else [], began + 0.2)
        deadline = Deadline.after(5)
        while not first.guests(100, 10_000) and not deadline.passed:
            pass
        first.end(1, MOMENT, 1)
        assert call.result(5) is None
    assert 0.2 <= time.monotonic() - began < 1


def test_a_process_without_room_for_its_files_leaves_nothing_behind(
    open_first: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(local_turns, "Desk", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No space"):
        open_first()
    assert len(os.listdir("/proc/self/fd")) == before
    assert not list(tmp_path.iterdir())


def test_whether_to_wait_for_company_is_learnt() -> None:
    experience = Experience()
    assert experience.is_good()
    for _ in range(50):
        experience.wrote(0.002)
    assert experience.usual_write == pytest.approx(0.002, rel=0.02)
    for _ in range(50):
        experience.waited(0.0005, 8, 32)
    assert experience.is_good()
    for _ in range(50):
        experience.waited(0.001, 8, 14)  # six have saved half of a batch, eight have lost as much
    tried = [experience.is_good() for _ in range(40)]
    assert 1 <= sum(tried) <= 3  # from time to time it is tried again
    for _ in range(50):
        experience.waited(0.001, 8, 18)
    assert experience.is_good()
    experience.waited(60.0, 1, 1)  # the machine was asleep
    for _ in range(50):
        experience.waited(0.0005, 8, 32)
    assert experience.is_good()


def in_a_fork(do: Callable[[], object]) -> int:
    """The exit status of a forked process that does this within ten seconds."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            do()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must not run the parent's tests
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_process_that_leaves_takes_nothing_away_from_its_parent(
    open_turns: Open, tmp_path: Path
) -> None:
    turns = open_turns()
    files = set((tmp_path / "log").iterdir())
    assert in_a_fork(turns.close) == 0
    assert set((tmp_path / "log").iterdir()) == files
    with (tmp_path / "log" / "users").open("rb") as users, pytest.raises(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_process_can_be_forked_while_another_thread_takes_a_turn(open_turns: Open) -> None:
    turns = open_turns()
    parents = turns.board.number

    def take() -> None:
        turn = turns.take()
        assert turn.has_come
        assert turns.board.number != parents
        turn.end(None, NEVER, 0)
        turns.close()

    with turns._lock:
        assert in_a_fork(take) == 0
    assert turns.take().has_come


def test_whoever_finds_the_files_removed_opens_them_anew(
    open_turns: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as by a clean-up of shared memory when a user logs out."""
    monkeypatch.setattr(local_turns, "_IS_THERE_EVERY", 3)
    one, other = open_turns(), open_turns()
    shutil.rmtree(tmp_path / "log")
    for _ in range(3):
        for turns in (one, other):
            turns.take().end(None, NEVER, 0)
    assert one.board.is_there
    turn = one.take()
    assert (turn.has_come, other.take().has_come) == (True, False)


def test_a_lone_process_is_in_the_way_of_nobody_when_it_was_interrupted(
    open_turns: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of its turn, at whatever point."""
    turns, other = open_turns(), open_turns()
    turn = turns.take()
    with monkeypatch.context() as patch:
        patch.setattr(turns.board, "tell", interrupted)
        with pytest.raises(KeyboardInterrupt):
            turn.end(1, NEVER, 0)
    following = turns.take()
    began = time.monotonic()
    wait(following)
    assert following.has_come
    assert time.monotonic() - began < 0.15
    following.end(None, NEVER, 0)
    turns.close()
    assert other.take().has_come
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(turns.board._turns)


def test_an_interrupted_opening_ends_the_turns_of_a_process(
    open_turns: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is closed is used any more, and nothing is closed twice."""
    monkeypatch.setattr(local_turns, "_IS_THERE_EVERY", 1)
    turns = open_turns()
    shutil.rmtree(tmp_path / "log")
    with monkeypatch.context() as patch:
        patch.setattr(local_turns, "TurnBoard", interrupted)
        with pytest.raises(KeyboardInterrupt):
            turns.take()
    assert turns.take() is FREE
    turns.close()


def test_house_keeping_that_fails_stops_nobody(open_turns: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(local_turns, "remove_gone", refuse)
    monkeypatch.setattr(local_turns, "remove_abandoned", refuse)
    assert open_turns().take().has_come


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


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
