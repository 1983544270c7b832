"""The checker must find out processes that tell each other more than they know."""

from pathlib import Path

import pytest

from tests.faults.replica_set import ReplicaSet
from tests.faults.store import OUR_STORE
from tests.faults.variants import Variant, find_out

VARIANTS = [
    Variant(
        "AnswersBeforeItKnows",
        frozenset({"acknowledged appends are there"}),
        ("kill holder before-send",),
        mix="own",
        writers=4,
        processes=3,
        quiet_seconds=0.5,
        store=OUR_STORE,
        module="tests.faults.broken_turns",
    ),
    Variant(
        "TellsTooEarly",
        frozenset({"positions are 1…n"}),
        ("kill primary",),
        mix="own",
        writers=4,
        processes=3,
        quiet_seconds=0.5,
        store=OUR_STORE,
        module="tests.faults.broken_turns",
    ),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_broken_store_is_found_out(variant: Variant, replica_set: ReplicaSet, round_folder: Path) -> None:
    find_out(variant, replica_set, round_folder)
