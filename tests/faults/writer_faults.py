"""What happens to processes of writers: they die at some point of an append, or stand still."""

import time
from collections.abc import Callable

from tests.faults.kill_points import KillPoint
from tests.faults.stage import Stage

_DEATH_SECONDS = 30.0


def kill_writers_at(point: KillPoint) -> Callable[[Stage], str]:
    """A process of writers dies at this point of an append."""

    def kill_writer(stage: Stage) -> str:
        victim = stage.start_worker(point, stage.random.randint(2, 6), writers=3)
        stage.mark_killed(victim)
        try:
            victim.wait_until_dead(_DEATH_SECONDS)
        finally:
            victim.kill()
        time.sleep(1)  # the others go on without it
        return f"{victim.name} died {point}"

    return kill_writer


def freeze_writers(stage: Stage) -> str:
    """A process of writers stands still for a while, wherever it is, then goes on."""
    worker = stage.busy_worker()
    seconds = stage.random.uniform(1, 5)
    began = time.monotonic()
    worker.freeze()
    time.sleep(seconds)  # the fault itself
    worker.thaw()
    stage.excuse(began, worker.name)
    return f"froze {worker.name} for {seconds:.1f} s"
