"""A sheet for offers: each side sees the words of the other whole, and for its own ticket, or not at all."""

import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from bson import Timestamp
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mongo import offer_sheet
from adapters.mongo.append import Append
from adapters.mongo.deadline import Deadline
from adapters.mongo.guest import Guest
from adapters.mongo.offer_sheet import BYTES, OfferSheet

MOMENT = (Timestamp(7, 3), {"clusterTime": Timestamp(7, 4), "signature": {"hash": b"x" * 20, "keyId": 2**62}})
ALL = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.offer"


@pytest.fixture
def own(path: Path) -> Iterator[OfferSheet]:
    sheet = OfferSheet(path, create=True)
    yield sheet
    sheet.close()


@pytest.fixture
def other(own: OfferSheet, path: Path) -> Iterator[OfferSheet]:
    """The same sheet as another process has it."""
    sheet = OfferSheet(path)
    yield sheet
    sheet.close()


def new_append(stream: UUID | str | None = None, state: bytes = b"state", version: int = 1) -> Append:
    events = [StoredEvent(uuid4() if stream is None else stream, version, "topic", state)]
    return Append(events, uuid4(), Deadline.after(10))


def seen(guests: list[Guest]) -> list[object]:
    return [(guest.append_id, guest.keys, guest.bodies, guest.size) for guest in guests]


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.uuids() | st.text(max_size=40), st.binary(max_size=300), st.integers(1, 2**63 - 1)),
        max_size=20,
    ),
    st.integers(0, 2**40),
    st.integers(0, 20),
)
def test_what_is_offered_is_what_is_taken(
    tmp_path_factory: pytest.TempPathFactory,
    offered: list[tuple[UUID | str, bytes, int]],
    ticket: int,
    first_part: int,
) -> None:
    path = tmp_path_factory.mktemp("sheet") / "1.offer"
    own, appends = OfferSheet(path, create=True), [new_append(*each) for each in offered]
    other = OfferSheet(path)
    own.begin(ticket)
    for part in (appends[:first_part], appends[first_part:]):
        assert own.add(ticket, part) == len(part)
    assert other.count(ticket) == len(appends)
    guests = other.take(ticket, 1000, ALL)
    assert seen(guests) == [(each.append_id, each.keys, each.bodies, each.size) for each in appends]
    assert own.is_taken(ticket) is bool(appends)
    own.close()
    other.close()


def test_an_answer_comes_back(own: OfferSheet, other: OfferSheet) -> None:
    own.begin(5)
    own.add(5, [new_append(), new_append(), new_append()])
    guests = other.take(5, 1000, ALL)
    guests[0].succeed(2**40)
    guests[1].conflict()
    assert own.answer(5) is None
    other.give_answer(5, guests, MOMENT)
    answer = own.answer(5)
    assert answer is not None
    assert list(answer.verdicts) == [2**40, -1, 0]
    assert answer.moment == MOMENT
    assert own.answer(6) is None
    own.begin(6)
    assert own.answer(5) is None
    assert own.answer(6) is None


def test_only_one_side_gets_it(own: OfferSheet, other: OfferSheet) -> None:
    own.begin(1)
    own.add(1, [new_append()])
    assert own.withdraw(1)
    assert not own.withdraw(1)
    assert other.take(1, 1000, ALL) == []
    assert other.count(1) == 0
    own.begin(2)
    own.add(2, [new_append()])
    assert len(other.take(2, 1000, ALL)) == 1
    assert other.take(2, 1000, ALL) == []
    assert not own.withdraw(2)


def test_only_one_side_gets_it_at_once(own: OfferSheet, other: OfferSheet) -> None:
    """Or neither, when both come in the same microseconds: then nobody writes it as a guest, and its owner does."""
    barrier = threading.Barrier(2)
    took: list[int] = []

    def take_all() -> None:
        for ticket in range(300):
            barrier.wait(10)
            took.append(len(other.take(ticket, 1000, ALL)))
            barrier.wait(10)

    taker = threading.Thread(target=take_all)
    taker.start()
    for ticket in range(300):
        own.begin(ticket)
        own.add(ticket, [new_append()])
        barrier.wait(10)
        withdrawn = own.withdraw(ticket)
        barrier.wait(10)
        assert not (withdrawn and took[ticket])
    taker.join(10)


def test_another_ticket_has_no_part_in_it(own: OfferSheet, other: OfferSheet) -> None:
    own.begin(1)
    own.add(1, [new_append()])
    assert other.take(2, 1000, ALL) == []
    assert other.count(2) == 0
    assert not own.withdraw(0)
    assert len(other.take(1, 1000, ALL)) == 1


def test_one_who_stands_still_with_the_lock_keeps_the_offer_from_both(
    own: OfferSheet, other: OfferSheet, path: Path
) -> None:
    own.begin(1)
    own.add(1, [new_append()])
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert other.take(1, 1000, ALL) == []
        assert not own.withdraw(1)  # it counts as taken: whoever has the lock may go on
    assert own.withdraw(1)


def test_an_answer_that_comes_too_late_is_not_taken_for_another(
    own: OfferSheet, other: OfferSheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody stood still with a guest, and wakes when its owner has a new ticket, and an answer to that."""
    own.begin(1)
    own.add(1, [new_append()])
    late = other.take(1, 1000, ALL)
    late[0].succeed(111)
    own.begin(2)
    own.add(2, [new_append()])
    guests = other.take(2, 1000, ALL)
    guests[0].succeed(222)
    other.give_answer(2, guests, MOMENT)
    with monkeypatch.context() as patch:
        patch.setattr(other, "_words", [0] * 8)  # it stands still again in the middle of its answer
        other.give_answer(1, late, MOMENT)
    assert own.answer(2) is None
    other.give_answer(1, late, MOMENT)
    assert own.answer(2) is None


def test_what_is_written_in_part_is_not_there_yet(own: OfferSheet, other: OfferSheet) -> None:
    one, two = new_append(), new_append()
    own.begin(1)
    own.add(1, [one])
    end = own._words[offer_sheet._LENGTH]
    own.add(1, [two])
    own._memory[offer_sheet._OFFER + end + 20] ^= 1
    [guest] = other.take(1, 1000, ALL)
    assert guest.append_id == one.append_id
    other.give_answer(1, [guest], MOMENT)
    own._memory[offer_sheet._ANSWER + 12] ^= 1
    assert own.answer(1) is None


def test_nothing_is_taken_of_what_cannot_be_read_at_all(own: OfferSheet, other: OfferSheet) -> None:
    own.begin(1)
    own.add(1, [new_append()])
    own._memory[offer_sheet._OFFER + 20] ^= 1
    assert other.take(1, 1000, ALL) == []
    assert own.withdraw(1)


def test_a_length_that_is_nonsense_is_survived(own: OfferSheet, other: OfferSheet) -> None:
    own.begin(1)
    own.add(1, [new_append()])
    own._words[offer_sheet._LENGTH] = 2**40
    assert len(other.take(1, 1000, 2**50)) == 1
    own.begin(2)
    own.add(2, [new_append()])
    offer_sheet._CHECKED.pack_into(own._memory, offer_sheet._OFFER, 2**32 - 1, 0)
    assert other.take(2, 1000, ALL) == []


def test_what_is_too_large_to_be_taken_along_stays(own: OfferSheet, other: OfferSheet) -> None:
    own.begin(1)
    own.add(1, [new_append()])
    assert other.take(1, 1000, 10) == []
    assert own.withdraw(1)


def test_what_has_no_room_is_left_out(own: OfferSheet, other: OfferSheet) -> None:
    own.begin(1)
    appends = [new_append(state=bytes(1000)) for _ in range(100)]
    count = own.add(1, appends)
    assert 40 < count < 60
    assert own.add(1, appends[count:]) == 0
    guests = other.take(1, 1000, ALL)
    assert [guest.append_id for guest in guests] == [append.append_id for append in appends[:count]]
    for position, guest in enumerate(guests, 1):
        guest.succeed(position)
    other.give_answer(1, guests, MOMENT)
    answer = own.answer(1)
    assert answer is not None
    assert answer.verdicts == list(range(1, count + 1))


def test_there_is_room_for_the_answer_to_any_offer(own: OfferSheet, other: OfferSheet) -> None:
    own.begin(1)
    own.add(1, [Append([StoredEvent("s", i, "", b"")], uuid4(), Deadline.after(10)) for i in range(1, 1000)])
    guests = other.take(1, 1000, ALL)
    assert 300 < len(guests) < 999
    for guest in guests:
        guest.succeed(2**62)
    other.give_answer(1, guests, MOMENT)
    answer = own.answer(1)
    assert answer is not None
    assert len(answer.verdicts) == len(guests)


def test_a_sheet_that_is_gone_or_broken_says_so(tmp_path: Path, path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        OfferSheet(path)
    path.write_bytes(b"too short")
    with pytest.raises(OSError, match="cannot be used"):
        OfferSheet(path)
    with pytest.raises(OSError, match="File exists"):
        OfferSheet(path, create=True)  # somebody else's
    path.unlink()
    own = OfferSheet(path, create=True)
    assert path.stat().st_size == BYTES
    own.remove()
    own.remove()
    own.close()
    assert not path.exists()
