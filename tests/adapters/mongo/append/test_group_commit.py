"""Who writes whose appends, and that every caller gets an answer in time."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from contextlib import suppress
from random import Random
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent, Tracking

from adapters.mongo.append import group_commit
from adapters.mongo.append.append import Append
from adapters.mongo.append.group_commit import GroupCommit, Waiting
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import AppendOutcomeUnknownError
from adapters.mongo.event_store import MongoFactory


class Disk:
    """Stands for where batches are written, so that a test can say when a write ends and how."""

    def __init__(self) -> None:
        self.batches: list[list[Append]] = []
        self.writers: list[int] = []
        self.writing = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.outcome: Callable[[Append], None] = lambda append: append.succeed(1)

    def batch(self, waiting: Waiting) -> "DiskBatch":
        return DiskBatch(self, waiting)


class DiskBatch:
    def __init__(self, disk: Disk, waiting: Waiting) -> None:
        self.disk, self.waiting = disk, waiting
        self.appends: list[Append] = []

    @property
    def unsettled(self) -> list[Append]:
        return [append for append in self.appends if not append.settled]

    def write(self, deadline: Deadline) -> None:
        self.appends += self.waiting.join(self.unsettled)
        admitted = self.waiting.admit(self.unsettled)
        self.disk.batches.append(admitted)
        self.disk.writers.append(threading.get_ident())
        self.disk.writing.release()
        if self.disk.may_end.acquire(timeout=deadline.remaining):
            for append in admitted:
                self.disk.outcome(append)

    def abandon(self) -> None:
        pass


@pytest.fixture
def disk() -> Disk:
    return Disk()


def new_append(
    seconds: float = 10.0, count: int = 1, state: bytes = b"", tracking: Tracking | None = None
) -> Append:
    stream = uuid4()
    events = [StoredEvent(stream, version, "topic", state) for version in range(1, count + 1)]
    return Append(events, uuid4(), Deadline.after(seconds), tracking)


class Callers:
    """Submits appends, each in a thread of its own; they queue up in this order behind one that is being written."""

    def __init__(self, group: GroupCommit) -> None:
        self.group = group
        self.pool = ThreadPoolExecutor(64)

    def lead(self, append: Append, disk: Disk) -> Future[None]:
        call = self.pool.submit(self.group.submit, append)
        assert disk.writing.acquire(timeout=5)
        return call

    def queue_up(self, *appends: Append) -> list[Future[None]]:
        calls = []
        for append in appends:
            waiting, deadline = self.group.waiting, Deadline.after(5)
            calls.append(self.pool.submit(self.group.submit, append))
            while self.group.waiting == waiting and not deadline.passed:
                time.sleep(0.0005)  # until it is in the queue
        return calls


def group_on(disk: Disk, events: int = 100, size: int = 10_000, queued: int = 100) -> GroupCommit:
    return GroupCommit(disk.batch, events, size, queued)


def test_a_lone_append_is_written_at_once_by_its_own_caller(disk: Disk) -> None:
    disk.may_end.release()
    append = new_append()
    group_on(disk).submit(append)
    assert append.positions() == [1]
    assert disk.batches == [[append]]
    assert disk.writers == [threading.get_ident()]


def test_appends_that_come_meanwhile_go_out_together_in_their_order(disk: Disk) -> None:
    callers = Callers(group_on(disk))
    first, *others = [new_append() for _ in range(20)]
    with callers.pool:
        callers.lead(first, disk)
        callers.queue_up(*others)
        disk.may_end.release(2)
    assert disk.batches == [[first], others]
    assert all(append.positions() == [1] for append in others)


def test_a_batch_is_bounded_in_events_and_in_bytes_and_keeps_the_order(disk: Disk) -> None:
    callers = Callers(group_on(disk, events=4, size=1000))
    appends = [
        new_append(count=3), new_append(count=1), new_append(count=1), new_append(count=9),
        new_append(state=bytes(2000)), new_append(), new_append(tracking=Tracking("a", 1)), new_append(), new_append(),
    ]  # fmt: skip
    with callers.pool:
        callers.lead(new_append(), disk)
        callers.queue_up(*appends)
        disk.may_end.release(10)
    sizes = [[appends.index(append) for append in batch] for batch in disk.batches[1:]]
    assert sizes == [[0, 1], [2], [3], [4], [5], [6], [7, 8]]


def test_whatever_a_leader_raises_everybody_gets_an_answer(disk: Disk) -> None:
    def fail(_: Append) -> None:
        raise RuntimeError("the leader is lost")

    disk.outcome = fail
    callers = Callers(group_on(disk))
    appends = [new_append(seconds=5) for _ in range(5)]
    with callers.pool:
        calls = [callers.lead(appends[0], disk), *callers.queue_up(*appends[1:])]
        disk.may_end.release(10)
        for call in calls:
            with pytest.raises(RuntimeError, match="the leader is lost"):
                call.result(4)
    # And the next one is served.
    disk.outcome = lambda append: append.succeed(7)
    append = new_append()
    callers.group.submit(append)
    assert append.positions() == [7]


class Interrupted(Append):
    """An append whose caller is interrupted, as by Ctrl-C, when it is rung for or while it waits."""

    __slots__ = ("patient",)
    patient: bool

    def wait(self, seconds: float) -> bool:
        if self.patient:
            super().wait(seconds)
        raise KeyboardInterrupt


@pytest.mark.parametrize("patient", [True, False])
def test_a_caller_that_is_interrupted_holds_up_nobody(disk: Disk, patient: bool) -> None:
    callers = Callers(group_on(disk, events=1))
    stream = uuid4()
    interrupted = Interrupted([StoredEvent(stream, 1, "topic", b"")], uuid4(), Deadline.after(10))
    interrupted.patient = patient
    first, last = new_append(), new_append()
    with callers.pool:
        calls = [callers.lead(first, disk)]
        call = callers.pool.submit(callers.group.submit, interrupted)
        if patient:
            while not callers.group.waiting:
                time.sleep(0.0005)  # until it is in the queue
        else:
            with pytest.raises(KeyboardInterrupt):
                call.result(5)
        calls += callers.queue_up(last)
        disk.may_end.release(3)
        for other in calls:
            other.result(5)
        with pytest.raises(KeyboardInterrupt):
            call.result(5)
    assert [append.positions() for append in (first, last)] == [[1], [1]]
    callers.group.close(1)


class InterruptedOnItsWay(Append):
    """An append whose caller is interrupted the moment after it has become the leader."""

    __slots__ = ("_promoted",)

    @property
    def promoted(self) -> bool:
        return self._promoted

    @promoted.setter
    def promoted(self, promoted: bool) -> None:
        self._promoted = promoted
        if promoted:
            raise KeyboardInterrupt


def test_a_leader_that_is_interrupted_before_it_has_begun_leaves_the_lead_to_the_next(disk: Disk) -> None:
    group = group_on(disk)
    interrupted = InterruptedOnItsWay([StoredEvent(uuid4(), 1, "topic", b"")], uuid4(), Deadline.after(10))
    with pytest.raises(KeyboardInterrupt):
        group.submit(interrupted)
    disk.may_end.release()
    append = new_append(5)
    group.submit(append)
    assert append.positions() == [1]


def test_callers_whose_deadlines_pass_together_are_woken_once_each(disk: Disk) -> None:
    """While nobody can write, leader after leader gives up; one that had given up before is not rung for again."""
    callers = Callers(group_on(disk))
    appends = [new_append(0.3) for _ in range(20)]
    with callers.pool:
        calls = [callers.lead(appends[0], disk), *callers.queue_up(*appends[1:])]
        for call in calls:
            call.result(5)
    for append in appends:
        with pytest.raises(OperationalError):
            append.positions()
    disk.may_end.release(10)
    last = new_append()
    callers.group.submit(last)
    assert last.positions() == [1]


def test_those_who_have_their_answer_do_not_wait_for_the_next_batch(disk: Disk) -> None:
    callers = Callers(group_on(disk, events=1))
    first, second, third = (new_append(5) for _ in range(3))
    with callers.pool:
        calls = [callers.lead(first, disk), *callers.queue_up(second, third)]
        disk.may_end.release(1)
        calls[0].result(2)
        assert disk.writing.acquire(timeout=5)  # the second one's batch is out and is not answered
        disk.may_end.release(1)
        calls[1].result(2)
        assert disk.writing.acquire(timeout=5)
        disk.may_end.release(1)
        calls[2].result(2)


class HalvedBatch(DiskBatch):
    """A batch of which all but the last are settled at once; the last one has to wait."""

    def write(self, deadline: Deadline) -> None:
        self.appends += self.waiting.join(self.unsettled)
        *others, last = self.waiting.admit(self.unsettled)
        for append in others:
            append.succeed(1)
        self.waiting.let_go()
        self.disk.writing.release()
        if self.disk.may_end.acquire(timeout=deadline.remaining):
            last.succeed(2)


def test_those_who_have_their_answer_do_not_wait_for_the_rest_of_their_batch(disk: Disk) -> None:
    group = GroupCommit(disk.batch, 100, 10_000, 100)
    callers = Callers(group)
    first, *others = (new_append(5) for _ in range(6))
    with callers.pool:
        calls = [callers.lead(first, disk), *callers.queue_up(*others)]
        group._make_batch = lambda waiting: HalvedBatch(disk, waiting)
        disk.may_end.release()
        assert disk.writing.acquire(timeout=5)
        for call in calls[2:-1]:  # the second one leads, and the last one is not settled
            call.result(2)
        assert not calls[-1].done()
        disk.may_end.release()
        calls[-1].result(2)


class Drowsy(Append):
    """An append whose caller takes its time to wake when it is rung for."""

    __slots__ = ("may_wake",)
    may_wake: threading.Event

    def wait(self, seconds: float) -> bool:
        rung = super().wait(seconds)
        if rung:
            self.may_wake.wait(10)
        return rung


def new_drowsy() -> Drowsy:
    drowsy = Drowsy([StoredEvent(uuid4(), 1, "topic", b"")], uuid4(), Deadline.after(60))
    drowsy.may_wake = threading.Event()
    return drowsy


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is helped on by those who wait."""
    monkeypatch.setattr(group_commit, "_LOOK_SECONDS", 1000.0)


@pytest.mark.usefixtures("nobody_looks")
def test_callers_wake_one_after_the_other(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "_SLOW_SECONDS", 60.0)  # nobody is
    callers = Callers(group_on(disk))
    drowsy = new_drowsy()
    with callers.pool:
        callers.lead(new_append(), disk)
        _, before, sleeper, after = callers.queue_up(new_append(), new_append(), drowsy, new_append())
        disk.may_end.release(3)
        before.result(5)
        next_leader = callers.pool.submit(callers.group.submit, new_append())
        assert wait_for_futures([sleeper, after, next_leader], timeout=0.2).done == set()
        drowsy.may_wake.set()
        for call in (sleeper, after, next_leader):
            call.result(5)


@pytest.mark.usefixtures("nobody_looks")
def test_nobody_waits_long_for_one_that_is_slow_to_wake(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "_SLOW_SECONDS", -1.0)  # everybody is
    callers = Callers(group_on(disk))
    drowsy = new_drowsy()
    with callers.pool:
        callers.lead(new_append(), disk)
        _, call, *calls = callers.queue_up(new_append(), drowsy, *(new_append() for _ in range(5)))
        disk.may_end.release(3)
        for other in calls:
            other.result(5)
        callers.group.submit(new_append(5))
        assert not call.done()
        drowsy.may_wake.set()
        call.result(5)


@pytest.mark.parametrize("why", ["its deadline passes", "another append comes", "somebody looks"])
def test_one_that_does_not_wake_holds_up_the_rest_only_until_somebody_comes_by(
    disk: Disk, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why != "somebody looks":
        monkeypatch.setattr(group_commit, "_LOOK_SECONDS", 1000.0)
    callers = Callers(group_on(disk))
    drowsy = new_drowsy()
    impatient = new_append(0.5 if why == "its deadline passes" else 60)
    with callers.pool:
        callers.lead(new_append(), disk)
        _, sleeper, *calls = callers.queue_up(new_append(), drowsy, impatient, new_append(60), new_append(60))
        disk.may_end.release(3)
        if why == "another append comes":
            time.sleep(
                0.01
            )  # the sleeper is rung for by then, and slow; if not, the others are none the worse
            calls.append(callers.pool.submit(callers.group.submit, new_append(60)))
        for call in calls:
            call.result(5)
        assert not sleeper.done()
        drowsy.may_wake.set()
        sleeper.result(5)


@pytest.mark.usefixtures("nobody_looks")
def test_one_that_comes_while_nobody_leads_for_somebody_is_slow_leads_and_lets_go_as_ever(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_SLOW_SECONDS", 0.05)
    callers = Callers(group_on(disk))
    drowsy = new_drowsy()
    with callers.pool:
        calls = [callers.lead(new_append(), disk), *callers.queue_up(new_append(60), drowsy)]
        disk.may_end.release(2)
        assert disk.writing.acquire(timeout=5)
        for call in calls[:2]:
            call.result(5)
        time.sleep(0.1)  # the sleeper has been slow by then
        calls = [callers.lead(new_append(60), disk), *callers.queue_up(new_append(60), new_append(60))]
        disk.may_end.release(2)
        for call in calls:
            call.result(5)
        drowsy.may_wake.set()


@pytest.mark.usefixtures("nobody_looks")
def test_one_that_is_interrupted_when_it_is_rung_for_lets_the_rest_go(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_SLOW_SECONDS", 60.0)
    callers = Callers(group_on(disk))
    interrupted = Interrupted([StoredEvent(uuid4(), 1, "topic", b"")], uuid4(), Deadline.after(60))
    interrupted.patient = True
    with callers.pool:
        callers.lead(new_append(), disk)
        _, call, *calls = callers.queue_up(new_append(), interrupted, new_append(60), new_append(60))
        disk.may_end.release(2)
        for other in calls:
            other.result(5)
        with pytest.raises(KeyboardInterrupt):
            call.result(5)


@pytest.mark.usefixtures("nobody_looks")
@pytest.mark.parametrize("slow_seconds", [group_commit._SLOW_SECONDS, 0.0], ids=["one by one", "all at once"])
def test_among_many_who_come_back_at_once_nobody_is_forgotten(
    disk: Disk, slow_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some give up early, some are interrupted; whoever was forgotten would wait until its deadline."""
    monkeypatch.setattr(group_commit, "_SLOW_SECONDS", slow_seconds)
    disk.may_end.release(100_000)
    group = group_on(disk, events=7)
    waits: list[float] = []

    def call_again_and_again(number: int) -> None:
        random = Random(number)  # noqa: S311 - repeatable
        for _ in range(150):
            append = (Interrupted if random.random() < 0.05 else Append)(
                [StoredEvent(uuid4(), 1, "topic", b"")],
                uuid4(),
                Deadline.after(random.choice([0.0, 0.0005, 0.002, 60.0, 60.0])),
            )
            if isinstance(append, Interrupted):
                append.patient = random.random() < 0.5
            began = time.monotonic()
            with suppress(KeyboardInterrupt):
                group.submit(append)
            waits.append(time.monotonic() - began)
            assert append.settled

    with ThreadPoolExecutor(24) as pool:
        for call in [pool.submit(call_again_and_again, number) for number in range(24)]:
            call.result(50)
    assert len(waits) == 24 * 150
    assert max(waits) < 30
    group.close(0)
    assert not group._led


def test_closing_at_the_deadline_while_the_lead_is_handed_over_wakes_everybody(disk: Disk) -> None:
    group = group_on(disk)
    appends = [new_append(10), new_append(10)]
    group._led = True  # its leader is about to end
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(group.submit, append) for append in appends]
        deadline = Deadline.after(5)
        while group.waiting < 2 and not deadline.passed:
            time.sleep(0.0005)  # until both are in the queue
        with group._changed:
            chosen = group._queue[0]
            chosen.promoted = True
            chosen.ring()
        group.close(0.0)
        for call in calls:
            call.result(2)
    for append in appends:
        with pytest.raises(OperationalError, match="was closed"):
            append.positions()
    began = time.monotonic()
    group.close(5)
    assert time.monotonic() - began < 1  # the lead was given back


def test_an_append_that_fails_fails_alone(disk: Disk) -> None:
    callers = Callers(group_on(disk))
    first, loser, *others = [new_append() for _ in range(5)]
    disk.outcome = lambda append: append.conflict() if append is loser else append.succeed(1)
    with callers.pool:
        callers.lead(first, disk)
        callers.queue_up(loser, *others)
        disk.may_end.release(2)
    with pytest.raises(IntegrityError):
        loser.positions()
    assert [append.positions() for append in (first, *others)] == [[1]] * 4


def test_each_caller_is_answered_by_its_own_deadline(disk: Disk) -> None:
    """The leader's passes first: it leaves the lead to one that has more time, whom the write then serves."""
    callers = Callers(group_on(disk))
    hasty, patient, unsent = new_append(0.3), new_append(10), new_append(0.4)
    with callers.pool:
        call = callers.lead(hasty, disk)
        calls = callers.queue_up(patient, unsent)
        call.result(2)
        with pytest.raises(AppendOutcomeUnknownError) as caught:
            hasty.positions()
        assert caught.value.append_id == hasty.append_id
        disk.writing.acquire(timeout=5)  # the patient one leads now, with the unsent one in its batch
        calls[1].result(2)
        with pytest.raises(AppendOutcomeUnknownError):
            unsent.positions()
        disk.may_end.release(2)
        calls[0].result(5)
    assert patient.positions() == [1]


def test_one_whose_turn_never_came_certainly_did_not_take_place(disk: Disk) -> None:
    callers = Callers(group_on(disk))
    with callers.pool:
        callers.lead(new_append(5), disk)
        late = new_append(0.1)
        callers.queue_up(late)[0].result(2)
        with pytest.raises(OperationalError, match="did not take place") as caught:
            late.positions()
        assert not isinstance(caught.value, AppendOutcomeUnknownError)
        disk.may_end.release(5)
    assert late not in [append for batch in disk.batches for append in batch]


def test_the_queue_is_bounded_and_lets_in_as_it_empties(disk: Disk) -> None:
    callers = Callers(group_on(disk, events=1, queued=2))
    with callers.pool:
        callers.lead(new_append(), disk)
        callers.queue_up(new_append(), new_append())
        with pytest.raises(OperationalError, match="2 others were waiting"):
            callers.group.submit(new_append(0.1))
        patient = new_append()
        call = callers.pool.submit(callers.group.submit, patient)
        disk.may_end.release(10)
        call.result(5)
    assert patient.positions() == [1]


def test_those_outside_come_in_in_the_order_in_which_they_came(disk: Disk) -> None:
    group = group_on(disk, events=1, queued=1)
    callers = Callers(group)
    leader, inside, *outside = [new_append() for _ in range(5)]
    with callers.pool:
        calls = [callers.lead(leader, disk), *callers.queue_up(inside)]
        for number, append in enumerate(outside, 1):
            calls.append(callers.pool.submit(group.submit, append))
            deadline = Deadline.after(5)
            while len(group._outside) < number and not deadline.passed:
                time.sleep(0.0005)  # until it waits at the door
        disk.may_end.release(10)
        for call in calls:
            call.result(5)
    assert disk.batches == [[append] for append in (leader, inside, *outside)]


def test_closing_lets_those_under_way_end_and_refuses_others(disk: Disk) -> None:
    callers = Callers(group_on(disk))
    appends = [new_append() for _ in range(3)]
    with callers.pool:
        calls = [callers.lead(appends[0], disk), *callers.queue_up(*appends[1:])]
        closing = callers.pool.submit(callers.group.close, 5.0)
        disk.may_end.release(2)
        closing.result(5)
        for call in calls:
            call.result(1)
    assert [append.positions() for append in appends] == [[1]] * 3
    with pytest.raises(OperationalError, match="is closed"):
        callers.group.submit(new_append())


def test_closing_fails_those_that_do_not_end_in_time(disk: Disk) -> None:
    callers = Callers(group_on(disk))
    stuck, queued = new_append(1), new_append(10)
    with callers.pool:
        callers.lead(stuck, disk)
        call = callers.queue_up(queued)[0]
        callers.group.close(0.1)
        call.result(1)
        with pytest.raises(OperationalError, match="was closed"):
            queued.positions()


def test_a_closed_recorder_refuses_clearly(
    factory: MongoFactory, new_stream: Callable[..., list[StoredEvent]]
) -> None:
    recorder = factory.application_recorder()
    factory.close()
    with pytest.raises(OperationalError, match="closed"):
        recorder.insert_events(new_stream())
    with pytest.raises(OperationalError):
        recorder.select_notifications(None, 10)
    with pytest.raises(OperationalError):
        recorder.max_notification_id()


def test_closing_while_many_write_settles_every_append(
    make_factory: Callable[..., MongoFactory], new_stream: Callable[..., list[StoredEvent]]
) -> None:
    factory = make_factory()
    recorder = factory.application_recorder()
    appended: list[int] = []
    refusals: list[str] = []

    def write() -> None:
        while True:
            try:
                appended.extend(recorder.insert_events(new_stream()) or [])
            except OperationalError as error:
                refusals.append(str(error))
                return

    with ThreadPoolExecutor(8) as writers:
        calls = [writers.submit(write) for _ in range(8)]
        while len(appended) < 50:
            time.sleep(0.01)  # until they are under way; each append is bounded by its deadline
        factory.close()
        for call in calls:
            call.result(10)
    assert all("did not take place" in refusal for refusal in refusals)
    count = make_factory().application_recorder().max_notification_id()
    assert sorted(appended) == list(range(1, (count or 0) + 1))


def test_a_process_can_be_forked_while_another_thread_leads(disk: Disk) -> None:
    """In the forked process nobody leads, and what waited in the other one is none of its business."""
    callers = Callers(group_on(disk))
    leading = callers.lead(new_append(), disk)
    queued = callers.queue_up(new_append())
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        disk.may_end.release()
        disk.batches.clear()
        append = new_append()
        with suppress(BaseException):
            callers.group.submit(append)
        os._exit(0 if append.settled and append.positions() == [1] and disk.batches == [[append]] else 1)
    for _ in range(2):
        disk.may_end.release()
    for call in (leading, *queued):
        call.result(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
