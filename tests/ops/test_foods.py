"""`meal-ledger foods`: what a name finds in the food table, and why."""

import json
import subprocess

import pytest

from tests.ops.test_cli import meal_ledger


def foods(*arguments: str) -> subprocess.CompletedProcess[str]:
    return meal_ledger("foods", *arguments)


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("aubergine parmigiana", "Eggplant parmesan casserole, regular"),
        ("2% milk", "Milk, reduced fat (2%)"),
        ("black coffee", "Coffee, brewed"),
        ("chicken tikka masala", "Chicken curry"),
    ],
)
def test_a_name_is_explained_by_the_record_that_wins(name: str, record: str) -> None:
    done = foods("explain", name, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["won"]["name"] == record


def test_an_explanation_adds_up() -> None:
    explained = json.loads(foods("explain", "unsalted butter", "--json").stdout)
    (best, *_) = explained["fits"]
    total = best["recall"] - sum(best["costs"].values())
    assert total == pytest.approx(explained["won"]["score"], abs=0.01)


def test_an_explanation_is_readable() -> None:
    done = foods("explain", "pan-seared salmon fillet", "--state", "cooked")
    assert done.stdout.startswith("'pan-seared salmon fillet' is 'Fish, salmon")
    assert "understood as 'sauteed salmon fillet', the food being 'salmon'" in done.stdout


def test_a_search_lists_the_best_records_first() -> None:
    found = json.loads(foods("search", "cheddar", "--limit", "3", "--json").stdout)["foods"]
    assert len(found) == 3
    assert [food["score"] for food in found] == sorted((food["score"] for food in found), reverse=True)
    assert foods("search", "cheddar").stdout.splitlines()[0] == "score   kcal  protein  record"


@pytest.mark.parametrize("command", ["search", "explain"])
def test_a_name_that_finds_nothing_has_its_own_exit_code(command: str) -> None:
    done = foods(command, "chopsticks")
    assert (done.returncode, done.stderr) == (4, "")
    assert done.stdout == "Nothing in the food table is 'chopsticks'.\n"
