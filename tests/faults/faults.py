"""What can happen to a replica set and to the writers of a store on it, by name.

A fault is a function of the stage that returns, in a few words, what it did, and leaves it to `ReplicaSet.heal` to
clear up. All it draws comes from the stage's random source, so that a seed replays it.
"""

from collections.abc import Callable

from tests.faults import answer_faults, set_faults, writer_faults
from tests.faults.kill_points import KILL_POINTS
from tests.faults.stage import Stage

Fault = Callable[[Stage], str]

_PAUSING: dict[str, Fault] = {
    "kill primary": set_faults.kill_primary,
    "freeze primary": set_faults.freeze_primary,
    "blink primary": set_faults.blink_primary,
    "step down": set_faults.step_down,
    "roll back": set_faults.roll_back,
    "stop replication": set_faults.stop_replication,
    "lose majority": set_faults.lose_majority,
    "delay writes": answer_faults.delay_writes,
    "hold writes": answer_faults.hold_writes,
    "cut before reply": answer_faults.cut_before_reply,
}

_OTHERS: dict[str, Fault] = {
    "kill secondary": set_faults.kill_secondary,
    **{f"kill writer {point}": writer_faults.kill_writers_at(point) for point in KILL_POINTS},
    "freeze writers": writer_faults.freeze_writers,
    "cut mid reply": answer_faults.cut_mid_reply,
    "drop commands": answer_faults.drop_commands,
    "doubtful answers": answer_faults.doubtful_answers,
}

FAULTS: dict[str, Fault] = {**_PAUSING, **_OTHERS}

PAUSING = frozenset(_PAUSING)
"""Faults during which the whole set cannot serve for a while. During the others no caller may wait for longer than a
few seconds, except in the processes hit by the fault."""
