"""Who writes whose appends, and that every caller gets an answer in time."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from contextlib import suppress
from random import Random
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent, Tracking

from adapters.mongo.append import group_commit, wake_chain
from adapters.mongo.append.append import Append
from adapters.mongo.append.group_commit import GroupCommit
from adapters.mongo.append.wake_chain import Caller
from adapters.mongo.append.writer import Admit
from adapters.mongo.connection.deadline import Deadline
from adapters.mongo.connection.errors import AppendOutcomeUnknownError
from adapters.mongo.event_store import MongoFactory
from tests.pace import Stopwatch


class Disk:
    """A writer of which a test says when a write ends and how."""

    takes_more = True
    pause_seconds = 0.0

    def __init__(self) -> None:
        self.batches: list[list[Append]] = []
        self.writers: list[int] = []
        self.writing = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.outcome: Callable[[Append], None] = lambda append: append.succeed(1)

    def write(self, appends: Sequence[Append], admit: Admit, deadline: Deadline) -> None:
        admitted = admit(appends)
        self.batches.append(admitted)
        self.writers.append(threading.get_ident())
        self.writing.release()
        if self.may_end.acquire(timeout=deadline.remaining):
            for append in admitted:
                self.outcome(append)

    def end_batch(self) -> None:
        pass

    def begin_after_fork(self) -> None:
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

    def queue_up(self, *appends: Append | Caller) -> list[Future[None]]:
        calls = []
        for append in appends:
            queued, deadline = self.group.queued, Deadline.after(5)
            caller = append if isinstance(append, Caller) else Caller(append)
            calls.append(self.pool.submit(self.group._serve, caller))
            while self.group.queued == queued and not deadline.passed:
                time.sleep(0.0005)  # until it is in the queue
        return calls


def group_on(disk: Disk, events: int = 100, size: int = 10_000, queued: int = 100) -> GroupCommit:
    return GroupCommit(disk, events, size, queued)


def test_a_lone_append_is_written_by_its_caller(disk: Disk) -> None:
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


def test_a_batch_is_bounded_and_keeps_the_order(disk: Disk) -> None:
    """Bounded in events and in bytes."""
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


class Interrupted(Caller):
    """A caller that is interrupted, as by Ctrl-C, when it is rung for (patient) or while it waits."""

    __slots__ = ("patient",)

    def __init__(self, append: Append, *, patient: bool) -> None:
        super().__init__(append)
        self.patient = patient

    def wait(self, seconds: float) -> bool:
        if self.patient:
            super().wait(seconds)
        raise KeyboardInterrupt


@pytest.mark.parametrize("patient", [True, False])
def test_a_caller_that_is_interrupted_holds_up_nobody(disk: Disk, patient: bool) -> None:
    callers = Callers(group_on(disk, events=1))
    interrupted = Interrupted(new_append(), patient=patient)
    first, last = new_append(), new_append()
    with callers.pool:
        calls = [callers.lead(first, disk)]
        call = callers.pool.submit(callers.group._serve, interrupted)
        if patient:
            while not callers.group.queued:
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


class InterruptedOnItsWay(Caller):
    """A caller that is interrupted the moment after it has become the leader."""

    __slots__ = ("_leads",)

    @property
    def leads(self) -> bool:
        return self._leads

    @leads.setter
    def leads(self, leads: bool) -> None:
        self._leads = leads
        if leads:
            raise KeyboardInterrupt


def test_an_early_interrupted_leader_hands_over_the_lead(disk: Disk) -> None:
    """It is interrupted before it has begun."""
    group = group_on(disk)
    with pytest.raises(KeyboardInterrupt):
        group._serve(InterruptedOnItsWay(new_append()))
    disk.may_end.release()
    append = new_append(5)
    group.submit(append)
    assert append.positions() == [1]


def test_callers_whose_deadlines_pass_together_are_woken_once_each(disk: Disk) -> None:
    """While no leader can write, one after the other gives up; a caller that gave up before is not rung for again."""
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


def test_answered_callers_do_not_wait_for_the_next_batch(disk: Disk) -> None:
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


class Halving(Disk):
    """A writer that resolves all of a batch but the last append at the first attempt, and that one at a second."""

    def write(self, appends: Sequence[Append], admit: Admit, deadline: Deadline) -> None:
        *others, last = admit(appends)
        for append in others:
            append.succeed(1)
        if others:
            last.requeue()
        else:
            super().write([last], admit, deadline)


def test_answered_callers_do_not_wait_for_their_batch() -> None:
    """The rest of their batch may still be unresolved."""
    disk = Halving()
    callers = Callers(group_on(disk))
    first, *others = (new_append(5) for _ in range(6))
    with callers.pool:
        calls = [callers.lead(first, disk), *callers.queue_up(*others)]
        disk.may_end.release()
        assert disk.writing.acquire(timeout=5)
        for call in calls[2:-1]:  # the second one leads or has led, and the last one is not resolved
            call.result(2)
        assert not calls[-1].done()
        disk.may_end.release()
        calls[-1].result(2)


class Drowsy(Caller):
    """A caller that takes its time to wake when it is rung for."""

    __slots__ = ("may_wake",)

    def __init__(self) -> None:
        super().__init__(new_append(60))
        self.may_wake = threading.Event()

    def wait(self, seconds: float) -> bool:
        rung = super().wait(seconds)
        if rung:
            self.may_wake.wait(10)
        return rung


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No caller is helped on by waiting callers."""
    monkeypatch.setattr(group_commit, "_LOOK_SECONDS", 1000.0)


@pytest.mark.usefixtures("nobody_looks")
def test_callers_wake_one_after_the_other(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake_chain, "_SLOW_SECONDS", 60.0)  # no caller is slow
    callers = Callers(group_on(disk))
    drowsy = Drowsy()
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
    monkeypatch.setattr(wake_chain, "_SLOW_SECONDS", -1.0)  # every caller is slow
    callers = Callers(group_on(disk))
    drowsy = Drowsy()
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
def test_a_sleeping_caller_holds_up_the_others_briefly(
    disk: Disk, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until a deadline passes, another append comes, or a waiting caller looks."""
    if why != "somebody looks":
        monkeypatch.setattr(group_commit, "_LOOK_SECONDS", 1000.0)
    callers = Callers(group_on(disk))
    drowsy = Drowsy()
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
def test_a_new_append_leads_past_a_slow_caller(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a slow caller holds up the wake chain there is no leader; the new one wakes its callers as usual."""
    monkeypatch.setattr(wake_chain, "_SLOW_SECONDS", 0.05)
    callers = Callers(group_on(disk))
    drowsy = Drowsy()
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
def test_a_caller_interrupted_on_waking_wakes_the_others(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake_chain, "_SLOW_SECONDS", 60.0)
    callers = Callers(group_on(disk))
    interrupted = Interrupted(new_append(60), patient=True)
    with callers.pool:
        callers.lead(new_append(), disk)
        _, call, *calls = callers.queue_up(new_append(), interrupted, new_append(60), new_append(60))
        disk.may_end.release(2)
        for other in calls:
            other.result(5)
        with pytest.raises(KeyboardInterrupt):
            call.result(5)


@pytest.mark.usefixtures("nobody_looks")
@pytest.mark.parametrize("slow_seconds", [wake_chain._SLOW_SECONDS, 0.0], ids=["one by one", "all at once"])
def test_among_many_who_come_back_at_once_nobody_is_forgotten(
    disk: Disk, slow_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some give up early, some are interrupted; a forgotten caller would wait until its deadline."""
    monkeypatch.setattr(wake_chain, "_SLOW_SECONDS", slow_seconds)
    disk.may_end.release(100_000)
    group = group_on(disk, events=7)
    waits: list[float] = []

    def call_again_and_again(number: int) -> None:
        random = Random(number)  # noqa: S311 - repeatable
        for _ in range(150):
            append = new_append(random.choice([0.0, 0.0005, 0.002, 60.0, 60.0]))
            caller = Caller(append)
            if random.random() < 0.05:
                caller = Interrupted(append, patient=random.random() < 0.5)
            began = time.monotonic()
            with suppress(KeyboardInterrupt):
                group._serve(caller)
            waits.append(time.monotonic() - began)
            assert append.resolved

    with ThreadPoolExecutor(24) as pool:
        for call in [pool.submit(call_again_and_again, number) for number in range(24)]:
            call.result(50)
    assert len(waits) == 24 * 150
    assert max(waits) < 30
    group.close(0)
    assert not group._has_leader


def test_closing_during_a_handover_wakes_all_callers(disk: Disk) -> None:
    """The deadline of the close passes while the lead is handed over."""
    group = group_on(disk)
    appends = [new_append(10), new_append(10)]
    group._has_leader = True  # its leader is about to end
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(group.submit, append) for append in appends]
        deadline = Deadline.after(5)
        while group.queued < 2 and not deadline.passed:
            time.sleep(0.0005)  # until both are in the queue
        with group._changed:
            chosen = group._queue[0]
            chosen.leads = True
            chosen.ring()
        group.close(0.0)
        for call in calls:
            call.result(2)
    for append in appends:
        with pytest.raises(OperationalError, match="was closed"):
            append.positions()
    watch = Stopwatch()
    group.close(5)
    assert watch.seconds() < 1  # the lead was given back


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
    """The leader's passes first: it leaves the lead to a caller with more time, which the write then serves."""
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
        with pytest.raises(OperationalError, match="was not appended") as caught:
            late.positions()
        assert not isinstance(caught.value, AppendOutcomeUnknownError)
        disk.may_end.release(5)
    assert late not in [append for batch in disk.batches for append in batch]


def test_the_queue_is_bounded_and_lets_in_as_it_empties(disk: Disk) -> None:
    callers = Callers(group_on(disk, events=1, queued=2))
    with callers.pool:
        callers.lead(new_append(), disk)
        callers.queue_up(new_append(), new_append())
        with pytest.raises(OperationalError, match=r"the append queue \(2\) stayed full until the deadline"):
            callers.group.submit(new_append(0.1))
        patient = new_append()
        call = callers.pool.submit(callers.group.submit, patient)
        disk.may_end.release(10)
        call.result(5)
    assert patient.positions() == [1]


def test_waiting_callers_are_admitted_in_order_of_arrival(disk: Disk) -> None:
    group = group_on(disk, events=1, queued=1)
    callers = Callers(group)
    leader, inside, *outside = [new_append() for _ in range(5)]
    with callers.pool:
        calls = [callers.lead(leader, disk), *callers.queue_up(inside)]
        for number, append in enumerate(outside, 1):
            calls.append(callers.pool.submit(group.submit, append))
            deadline = Deadline.after(5)
            while len(group._admission) < number and not deadline.passed:
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
    assert all("was not appended" in refusal for refusal in refusals)
    count = make_factory().application_recorder().max_notification_id()
    assert sorted(appended) == list(range(1, (count or 0) + 1))


def test_a_process_can_be_forked_while_another_thread_leads(disk: Disk) -> None:
    """The forked process has no leader, and the callers waiting in its parent are none of its business."""
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
        os._exit(0 if append.resolved and append.positions() == [1] and disk.batches == [[append]] else 1)
    for _ in range(2):
        disk.may_end.release()
    for call in (leading, *queued):
        call.result(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
