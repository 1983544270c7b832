"""The checker must find out stores whose answers are wrong in one point."""

from pathlib import Path

import pytest

from tests.faults.replica_set import ReplicaSet
from tests.faults.variants import IMPATIENT, Variant, find_out

VARIANTS = [
    Variant(
        "SettledByOneRead",
        frozenset({"failed appends are not there"}),
        ("hold writes",),
        mix="own",
        writers=4,
        quiet_seconds=0.5,
    ),
    Variant(
        "OwnTryIsARival",
        frozenset({"refused appends are not there"}),
        ("doubtful answers",),
        mix="own",
        writers=1,
        quiet_seconds=0.5,
    ),
    Variant(
        "WaitsForEver",
        frozenset({"no append waits longer than its deadline"}),
        ("freeze primary",),
        quiet_seconds=0.5,
        expectations=IMPATIENT,
    ),
    Variant(
        "ForgetsTheFirstCall",
        frozenset({"failed appends are not there"}),
        ("stop replication",),
        quiet_seconds=0.5,
        expectations=IMPATIENT,
    ),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_broken_store_is_found_out(variant: Variant, replica_set: ReplicaSet, round_folder: Path) -> None:
    find_out(variant, replica_set, round_folder)
