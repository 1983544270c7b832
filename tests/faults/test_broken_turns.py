"""The checker must find out processes that tell each other more than they know."""

from pathlib import Path

import pytest

from tests.faults.replica_set import ReplicaSet
from tests.faults.store import OUR_STORE
from tests.faults.variants import Variant, find_out


def among_processes(name: str, rule: str, fault: str) -> Variant:
    """Several processes, so that they write each other's appends."""
    return Variant(
        name,
        frozenset({rule}),
        (fault,),
        mix="own",
        writers=4,
        processes=3,
        quiet_seconds=0.5,
        store=OUR_STORE,
        module="tests.faults.broken_turns",
    )


VARIANTS = [
    among_processes("AnswersBeforeItKnows", "acknowledged appends are there", "kill holder before-send"),
    among_processes("TellsTooEarly", "positions are 1…n", "kill primary"),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_broken_store_is_found_out(variant: Variant, replica_set: ReplicaSet, round_folder: Path) -> None:
    find_out(variant, replica_set, round_folder)
