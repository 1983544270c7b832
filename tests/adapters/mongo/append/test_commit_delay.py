"""How long a writer waits before it commits, by what has become of its last commits."""

import pytest

from adapters.mongo.append.commit_delay import CommitDelay

COMMIT_SECONDS = 0.002


def delay_after(losses: int, appends: int, wins: int = 0, seconds: float = COMMIT_SECONDS) -> CommitDelay:
    delay = CommitDelay()
    for _ in range(20):
        delay.won(appends, seconds)
    for _ in range(losses):
        delay.lost()
    for _ in range(wins):
        delay.won(appends, seconds)
    return delay


@pytest.mark.parametrize("appends", [1, 8, 1000])
def test_a_process_that_writes_alone_never_waits(appends: int) -> None:
    delay = delay_after(losses=0, appends=appends)
    assert delay.seconds == 0
    assert not delay.outlasts_head


def test_delay_grows_with_batch_size_up_to_a_bound() -> None:
    """After lost commits."""
    seconds = [delay_after(losses=2, appends=appends).seconds for appends in (1, 2, 4, 8, 100, 1000)]
    assert seconds == sorted(seconds)
    assert seconds[0] == 0
    assert seconds[-1] == seconds[-2] <= 0.05


def test_the_delay_keeps_pace_with_the_server() -> None:
    quick, slow = (delay_after(losses=2, appends=4, seconds=seconds).seconds for seconds in (0.0005, 0.002))
    assert slow == pytest.approx(4 * quick)


def test_the_delay_ends_when_losses_do() -> None:
    assert delay_after(losses=5, appends=8).seconds > 0
    assert delay_after(losses=5, appends=8, wins=30).seconds == 0


def test_processes_do_not_keep_step() -> None:
    delay = delay_after(losses=2, appends=8)
    drawn = {delay.draw() for _ in range(20)}
    assert len(drawn) > 1
    assert all(delay.seconds / 2 <= seconds <= delay.seconds for seconds in drawn)


def test_a_long_delay_makes_the_head_stale() -> None:
    """After it the end of the log is read anew."""
    assert delay_after(losses=2, appends=8).outlasts_head
    assert not delay_after(losses=2, appends=1).outlasts_head
