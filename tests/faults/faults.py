"""What happens to a replica set and to the writers of a store on it.

Each fault leaves it to `ReplicaSet.heal` to clear up.
A fault is a function of the stage that returns, in a few words, what it did. All it draws comes from the stage's
random source, so that a seed replays it.
"""

import time
from collections.abc import Callable

from pymongo.errors import AutoReconnect

from tests.faults.connections import cut_connections
from tests.faults.kill_points import KILL_POINTS, KillPoint
from tests.faults.replica_set import ELECTION_TIMEOUT
from tests.faults.stage import Stage

Fault = Callable[[Stage], str]

_WRITE_COMMANDS = ["insert", "commitTransaction"]
_DOUBTFUL_CODES = [91, 189, 11602]  # ShutdownInProgress, PrimarySteppedDown, InterruptedDueToReplStateChange


def kill_primary(stage: Stage) -> str:
    """SIGKILL; the others elect a new one, and the old one comes back."""
    old = stage.replica_set.primary()
    old.kill()
    stage.replica_set.primary(other_than=old)
    return f"killed {old.address}"


def freeze_primary(stage: Stage) -> str:
    """SIGSTOP past the election time-out: it wakes beside a successor and does not know."""
    old = stage.replica_set.primary()
    seconds = stage.random.uniform(ELECTION_TIMEOUT + 1, ELECTION_TIMEOUT + 4)
    old.freeze()
    time.sleep(seconds)  # the fault itself
    old.thaw()
    return f"froze {old.address} for {seconds:.1f} s"


def blink_primary(stage: Stage) -> str:
    """SIGSTOP for less than the election time-out, a few times."""
    primary = stage.replica_set.primary()
    blinks = [stage.random.uniform(0.2, 1.5) for _ in range(stage.random.randint(1, 3))]
    for seconds in blinks:
        primary.freeze()
        time.sleep(seconds)  # the fault itself
        primary.thaw()
        time.sleep(0.2)  # between two faults
    return f"froze {primary.address} for {', '.join(f'{seconds:.1f}' for seconds in blinks)} s"


def step_down(stage: Stage) -> str:
    """The primary makes place, in order."""
    try:
        stage.replica_set.step_down()
    except AutoReconnect:
        return "stepped down, and closed our connection"
    return "stepped down"


def roll_back(stage: Stage) -> str:
    """What the primary has written alone is lost with it, and with some of those who wrote it."""
    victim = stage.start_worker(writers=6)
    victim.wait_until_busy()
    replica_set = stage.replica_set
    old = replica_set.primary()
    others = replica_set.others(old)
    replica_set.stop_replication(others)
    seconds = stage.random.uniform(0.6, 1.2)
    time.sleep(seconds)  # the fault itself: writes on the primary alone
    stage.mark_killed(victim)
    old.freeze()  # so that nothing is written between the deaths
    victim.kill()
    old.kill()
    replica_set.start_replication(others)
    replica_set.primary(other_than=old)
    time.sleep(1)  # the new branch grows before the old primary comes back to be rolled back
    return f"{old.address} wrote alone for {seconds:.1f} s, died with {victim.name}"


def kill_secondary(stage: Stage) -> str:
    replica_set = stage.replica_set
    secondary = stage.random.choice(replica_set.others(replica_set.primary()))
    secondary.kill()
    time.sleep(stage.random.uniform(0.5, 2))  # it is away for so long
    return f"killed secondary {secondary.address}"


def stop_replication(stage: Stage) -> str:
    """No write gets its majority for a while; nothing is lost."""
    replica_set = stage.replica_set
    others = replica_set.others(replica_set.primary())
    seconds = stage.random.uniform(0.5, 4)
    replica_set.stop_replication(others)
    time.sleep(seconds)  # the fault itself
    replica_set.start_replication(others)
    return f"no replication for {seconds:.1f} s"


def kill_writers_at(point: KillPoint) -> Fault:
    """A process of writers dies at this point of an append."""

    def kill_writer(stage: Stage) -> str:
        victim = stage.start_worker(point, stage.random.randint(2, 6))
        stage.mark_killed(victim)
        try:
            victim.wait_until_dead(30)
        finally:
            victim.kill()
        time.sleep(1)  # the others go on without it
        return f"{victim.name} died {point}"

    return kill_writer


def freeze_writers(stage: Stage) -> str:
    """A process of writers stands still for a while, wherever it is, then goes on."""
    worker = stage.busy_worker()
    seconds = stage.random.uniform(1, 5)
    worker.freeze()
    time.sleep(seconds)  # the fault itself
    worker.thaw()
    return f"froze {worker.name} for {seconds:.1f} s"


def delay_writes(stage: Stage) -> str:
    """The server holds some write commands back before it executes them."""
    seconds, times = stage.random.uniform(0.5, 4), stage.random.randint(1, 4)
    primary = stage.replica_set.primary()
    primary.set_fail_point(
        "failCommand",
        {"times": times},
        {"failCommands": _WRITE_COMMANDS, "blockConnection": True, "blockTimeMS": int(seconds * 1000)},
    )
    time.sleep(seconds + 0.5)  # the fault itself
    return f"delayed {times} writes by {seconds:.1f} s"


def hold_writes(stage: Stage) -> str:
    """For a while the server holds back every write command, first tries and repeats, and then executes it."""
    seconds, period = stage.random.uniform(2, 4), stage.random.uniform(1.5, 2)
    primary = stage.replica_set.primary()
    primary.set_fail_point(
        "failCommand",
        "alwaysOn",
        {"failCommands": _WRITE_COMMANDS, "blockConnection": True, "blockTimeMS": int(seconds * 1000)},
    )
    time.sleep(period)  # the fault itself
    primary.set_fail_point("failCommand", "off")
    time.sleep(seconds)  # what is held back is executed, whether or not somebody waits for it
    return f"held all writes of {period:.1f} s back by {seconds:.1f} s"


def cut_mid_reply(stage: Stage) -> str:
    """Connections of this process are cut when writes have been executed and wait for their majority."""
    replica_set = stage.replica_set
    primary = replica_set.primary()
    others = replica_set.others(primary)
    cuts = []
    replica_set.stop_replication(others)
    for _ in range(stage.random.randint(1, 3)):
        time.sleep(0.3)  # writes reach the server
        cuts.append(cut_connections(primary.port, stage.random.choice([0.5, 1.0]), stage.random))
    replica_set.start_replication(others)
    return f"cut {' and '.join(map(str, cuts))} connections to {primary.address}"


def drop_commands(stage: Stage) -> str:
    """The server closes the connection instead of executing some write commands."""
    times = stage.random.randint(1, 6)
    stage.replica_set.primary().set_fail_point(
        "failCommand", {"times": times}, {"failCommands": _WRITE_COMMANDS, "closeConnection": True}
    )
    time.sleep(1)  # the fault itself
    return f"dropped {times} writes"


def doubtful_answers(stage: Stage) -> str:
    """Some writes are executed and answered with a write concern error."""
    times, code = stage.random.randint(3, 8), stage.random.choice(_DOUBTFUL_CODES)
    stage.replica_set.primary().set_fail_point(
        "failCommand",
        {"times": times},
        {"failCommands": _WRITE_COMMANDS, "writeConcernError": {"code": code, "errmsg": "on purpose"}},
    )
    time.sleep(1)  # the fault itself
    return f"answered {times} writes with write concern error {code}"


FAULTS: dict[str, Fault] = {
    "kill primary": kill_primary,
    "freeze primary": freeze_primary,
    "blink primary": blink_primary,
    "step down": step_down,
    "roll back": roll_back,
    "kill secondary": kill_secondary,
    "stop replication": stop_replication,
    **{f"kill writer {point}": kill_writers_at(point) for point in KILL_POINTS},
    "freeze writers": freeze_writers,
    "delay writes": delay_writes,
    "hold writes": hold_writes,
    "cut mid reply": cut_mid_reply,
    "drop commands": drop_commands,
    "doubtful answers": doubtful_answers,
}
