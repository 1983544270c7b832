"""What happens to commands and their answers: they are late, lost, cut off, or doubtful."""

import time

from tests.adapters.mongo.cutting_proxy import CuttingProxy
from tests.faults.connections import cut_connections
from tests.faults.stage import Stage

_WRITE_COMMANDS = ["insert", "commitTransaction"]
_ANSWERED = [b"insert", b"commitTransaction", b"update", b"find"]
_DOUBTFUL_CODES = [91, 189, 11602]  # ShutdownInProgress, PrimarySteppedDown, InterruptedDueToReplStateChange


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
    """For a while the server holds back every write command, first tries and repeats, and then executes it.

    It goes on until the first of them has been executed: no command that comes later may take its position before.
    """
    seconds = stage.random.uniform(1.6, 4)
    period = seconds + stage.random.uniform(0.2, 1)
    primary = stage.replica_set.primary()
    primary.set_fail_point(
        "failCommand",
        "alwaysOn",
        {"failCommands": _WRITE_COMMANDS, "blockConnection": True, "blockTimeMS": int(seconds * 1000)},
    )
    time.sleep(period)  # the fault itself
    primary.set_fail_point("failCommand", "off")
    time.sleep(seconds)  # what is held back is executed, whether or not a client waits for it
    return f"held all writes of {period:.1f} s back by {seconds:.1f} s"


def cut_before_reply(stage: Stage) -> str:
    """Connections of this process are cut when writes have been executed and wait for their majority: no byte comes."""
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


def cut_mid_reply(stage: Stage) -> str:
    """A process behind a proxy gets the first bytes of answers, and then its connection is cut."""
    primary = stage.replica_set.primary()
    with CuttingProxy(f"mongodb://{primary.address}/") as proxy:
        worker = stage.start_worker(url=proxy.url)
        worker.wait_until_busy()
        for _ in range(stage.random.randint(2, 4)):
            proxy.cut_answers(*_ANSWERED, share=stage.random.random(), times=stage.random.randint(1, 4))
            time.sleep(0.4)  # the fault itself
        proxy.heal()
        stage.retire(worker)
    return f"cut {proxy.lost} answers to {worker.name} in the middle"


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
    seconds = stage.random.uniform(
        1, 3
    )  # the driver asks again by itself, when it has looked around for a second
    time.sleep(seconds)  # the fault itself
    return f"answered {times} writes in {seconds:.1f} s with write concern error {code}"
