"""The checker must find out stores whose log, streams or readers are wrong in one point."""

from pathlib import Path

import pytest

from tests.faults.replica_set import ReplicaSet
from tests.faults.variants import Variant, find_out, rolled_back

VARIANTS = [
    Variant("CounterOutside", frozenset({"positions are 1…n", "followers see every position in order"})),
    Variant("NoUniqueIndex", frozenset({"stream versions are 1…k"})),
    Variant("OrderedInsert", frozenset({"appends are whole"})),
    Variant("Pipelining", frozenset({"positions are 1…n"})),
    rolled_back("AcknowledgedByOne", "acknowledged appends are there"),
    rolled_back("LearnsLocally", "positions are 1…n"),
    rolled_back(
        "ReadsStreamsLocally",
        "stream reads are true",
        "stream reads never go back",
        "stream versions are 1…k",
        mix="shared",
    ),
    rolled_back(
        "FollowersReadLocally", "followers see every position in order", "followers see nothing else"
    ),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_broken_store_is_found_out(variant: Variant, replica_set: ReplicaSet, round_folder: Path) -> None:
    find_out(variant, replica_set, round_folder)
