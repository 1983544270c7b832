"""What happens to a replica set: its members die, freeze, make place, or stop copying from each other."""

import time

from pymongo.errors import AutoReconnect

from tests.faults.replica_set import ELECTION_TIMEOUT
from tests.faults.stage import Stage


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
    """What the primary has written alone is lost with it, and with some of its writers."""
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


def lose_majority(stage: Stage) -> str:
    """Two of three members freeze: nothing is acknowledged, and a primary that is left steps down."""
    replica_set = stage.replica_set
    primary = replica_set.primary()
    others = replica_set.others(primary)
    victims = stage.random.choice([others, [primary, others[0]]])
    seconds = stage.random.uniform(ELECTION_TIMEOUT + 1, ELECTION_TIMEOUT + 4)
    for node in victims:
        node.freeze()
    time.sleep(seconds)  # the fault itself
    for node in victims:
        node.thaw()
    return f"froze {' and '.join(node.address for node in victims)} for {seconds:.1f} s"
