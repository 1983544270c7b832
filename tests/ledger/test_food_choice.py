"""The choice among records by a model: it names one, or none; when it fails the scores decide."""

import pytest

from ledger import (
    FoodSearch,
    MealAnalysis,
    Proposal,
    RateLimited,
    RecognizedFood,
    ServiceUnavailable,
    WarningCode,
)
from tests.ledger.plates import CHICKEN, RICE
from tests.ledger.ports import Chooser, Database, Recognizer, food

STEWS = {"bean lentil stew": RICE, "chicken lentil stew": CHICKEN}


async def proposed(*foods: RecognizedFood, chooser: Chooser, seconds: float = 5) -> Proposal:
    search = FoodSearch([Database(STEWS, offers_all=True)])
    return await MealAnalysis(Recognizer(*foods), search, chooser=chooser).propose(
        photo_url="https://example.com/a.jpg", dish_hint=None, user_id="alice", seconds=seconds
    )


async def test_a_chooser_takes_the_record_that_it_names() -> None:
    chooser = Chooser(1)
    proposal = await proposed(food("cherimoya"), food("lentil stew"), chooser=chooser)
    (choice,) = chooser.asked
    stew = proposal.entries[1]
    assert stew.provenance is not None
    assert stew.provenance.food_name == choice.candidates[1].name
    assert [warning.code for warning in proposal.warnings] == [WarningCode.NUTRIENTS_NOT_FOUND]
    assert proposal.choice is not None
    assert (proposal.choice.run.model, proposal.choice.duration_ms) == ("a-small-model", 700)


async def test_a_chooser_may_say_that_no_record_is_the_food() -> None:
    proposal = await proposed(food("lentil stew"), chooser=Chooser(None))
    assert [warning.code for warning in proposal.warnings] == [WarningCode.NUTRIENTS_NOT_FOUND]


@pytest.mark.parametrize("failure", [ServiceUnavailable("down"), RateLimited("slowly"), TimeoutError()])
async def test_without_an_answer_the_scores_decide(failure: Exception) -> None:
    proposal = await proposed(food("lentil stew"), chooser=Chooser(error=failure))
    assert [warning.code for warning in proposal.warnings] == [WarningCode.MATCH_UNCERTAIN]
    assert proposal.choice is None


async def test_a_chooser_is_not_asked_about_nothing() -> None:
    chooser = Chooser()
    proposal = await proposed(food("cherimoya"), chooser=chooser)
    assert (chooser.asked, proposal.choice) == ([], None)
