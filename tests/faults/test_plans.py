"""A seed replays a round: its faults, its settings, its keys."""

from collections import Counter

from tests.faults.faults import FAULTS, PAUSING
from tests.faults.plans import FAULTS_PER_ROUND, encrypted, random_plan
from tests.faults.store import PLAIN

PLANS = [random_plan(seed) for seed in range(200)]


def test_a_seed_gives_the_same_plan_again() -> None:
    assert [random_plan(seed) for seed in range(200)] == PLANS
    assert encrypted(1) == encrypted(1) != encrypted(2)


def test_successive_seeds_deal_out_all_faults_about_as_often() -> None:
    counts = Counter(fault for plan in PLANS for fault in plan.faults)
    assert counts.keys() == FAULTS.keys()
    assert min(counts.values()) > 0.7 * 200 * FAULTS_PER_ROUND / len(FAULTS)
    assert FAULTS.keys() > PAUSING


def test_seeds_vary_the_processes_and_the_settings() -> None:
    assert {plan.processes for plan in PLANS} == {1, 2, 3}
    assert sum("CIPHER_KEY" in plan.settings for plan in PLANS) > 20


def test_another_store_gets_only_the_named_faults() -> None:
    """And no settings of ours."""
    plan = random_plan(7, PLAIN, ["roll back"])
    assert (plan.settings, plan.faults) == ({}, ["roll back"])
