"""The analysis: foods from the model, nutrients from databases; 'not found' and 'down' are different answers."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec import structs

from ledger import (
    AmountUnusable,
    FoodRecord,
    FoodSearch,
    MealAnalysis,
    NoFoodRecognized,
    Nutrients,
    NutrientSource,
    Proposal,
    RateLimited,
    Remark,
    ServiceUnavailable,
    WarningCode,
)
from ledger.nutrition import UNKNOWN
from tests.ledger.plates import CHICKEN, RICE
from tests.ledger.ports import Database, Recognizer, food, usda

MANY = [f"{letter}{letter}ish" for letter in "bcdfghjklmnpqrstvwxz"]


async def propose(analysis: MealAnalysis, seconds: float = 5) -> Proposal:
    return await analysis.propose(
        photo_url="https://example.com/a.jpg", dish_hint=None, user_id="alice", seconds=seconds
    )


async def test_foods_are_matched_and_scaled_with_their_provenance() -> None:
    analysis = MealAnalysis(Recognizer(food("rice", 150.0004), food("chicken", 120)), FoodSearch([usda()]))
    proposal = await propose(analysis)
    rice, chicken = proposal.entries
    assert (rice.name, rice.quantity_g, rice.nutrients) == ("rice", 150, RICE.for_grams(150))
    assert chicken.nutrients == CHICKEN.for_grams(120)
    assert rice.provenance is not None
    assert (rice.provenance.source, rice.provenance.source_id) == (NutrientSource.USDA, "1")
    assert (rice.provenance.data_type, rice.provenance.published) == ("SR Legacy", "2019-04-01")
    assert rice.id != chicken.id
    assert proposal.warnings == ()
    assert proposal.dish_name == "a dish"


async def test_a_missing_food_is_searched_in_the_next_database() -> None:
    second = Database({"poke bowl": RICE}, source=NutrientSource.OPENFOODFACTS)
    proposal = await propose(MealAnalysis(Recognizer(food("poke bowl")), FoodSearch([usda(), second])))
    assert proposal.entries[0].provenance is not None
    assert proposal.entries[0].provenance.source is NutrientSource.OPENFOODFACTS


async def test_a_food_of_the_first_database_is_searched_only_there() -> None:
    second = Database({})
    await propose(MealAnalysis(Recognizer(food("rice")), FoodSearch([usda(), second])))
    assert second.searches == []


async def test_an_unmatched_food_stays_with_unknown_nutrients_and_a_warning() -> None:
    analysis = MealAnalysis(Recognizer(food("rice"), food("cherimoya")), FoodSearch([usda(), Database({})]))
    proposal = await propose(analysis)
    _, cherimoya = proposal.entries
    assert (cherimoya.nutrients, cherimoya.provenance) == (UNKNOWN, None)
    (warning,) = proposal.warnings
    assert (warning.code, warning.entry_id) == (WarningCode.NUTRIENTS_NOT_FOUND, cherimoya.id)


@pytest.mark.parametrize("down", [ServiceUnavailable("down"), RateLimited("slowly")])
async def test_a_failed_search_is_no_missing_food(down: Exception) -> None:
    second = Database({}, error=down)
    proposal = await propose(MealAnalysis(Recognizer(food("cherimoya")), FoodSearch([usda(), second])))
    assert [warning.code for warning in proposal.warnings] == [WarningCode.NUTRIENTS_UNAVAILABLE]


@pytest.mark.parametrize("down", [ServiceUnavailable("down"), RateLimited("slowly")])
async def test_a_database_that_is_down_fails_no_analysis(down: Exception) -> None:
    """The next one is asked for each food."""
    first, second = Database({}, error=down), usda()
    proposal = await propose(
        MealAnalysis(Recognizer(food("rice"), food("chicken")), FoodSearch([first, second]))
    )
    assert [entry.nutrients for entry in proposal.entries] == [RICE, CHICKEN]
    assert proposal.warnings == ()
    assert sorted(first.searches) == sorted(second.searches) == ["chicken", "rice"]


async def test_all_databases_down_leave_the_plate_with_warnings() -> None:
    down = Database({}, error=ServiceUnavailable("down"))
    proposal = await propose(
        MealAnalysis(Recognizer(food("rice"), food("chicken")), FoodSearch([down, down]))
    )
    assert [entry.nutrients for entry in proposal.entries] == [UNKNOWN, UNKNOWN]
    assert [warning.code for warning in proposal.warnings] == [WarningCode.NUTRIENTS_UNAVAILABLE] * 2


async def test_a_slow_database_does_not_cost_the_plate() -> None:
    """The searches end before the analysis must; what the databases before it have is kept."""
    slow = Database({}, gate=asyncio.Event())
    proposal = await propose(
        MealAnalysis(Recognizer(food("rice"), food("cherimoya")), FoodSearch([usda(), slow])), seconds=0.1
    )
    assert [entry.nutrients for entry in proposal.entries] == [RICE, UNKNOWN]
    assert [warning.code for warning in proposal.warnings] == [WarningCode.NUTRIENTS_UNAVAILABLE]


async def test_a_slow_model_does_cost_it() -> None:
    recognizer = Recognizer(food("rice"))
    recognizer.gate.clear()
    with pytest.raises(TimeoutError):
        await propose(MealAnalysis(recognizer, FoodSearch([usda()])), seconds=0.01)


async def test_one_failed_search_does_not_end_the_others() -> None:
    class Refusing(Database):
        async def search(self, name: str) -> Sequence[FoodRecord]:
            if name == "rice":
                raise ServiceUnavailable("the circuit is open")
            return await super().search(name)

    proposal = await propose(
        MealAnalysis(Recognizer(food("rice"), food("chicken")), FoodSearch([Refusing({"chicken": CHICKEN})]))
    )
    assert [entry.nutrients for entry in proposal.entries] == [UNKNOWN, CHICKEN]


async def test_an_uncertain_match_has_a_warning_and_alternatives() -> None:
    table = Database({"bean lentil stew": RICE, "chicken lentil stew": CHICKEN}, offers_all=True)
    proposal = await propose(MealAnalysis(Recognizer(food("lentil stew")), FoodSearch([table])))
    (entry,) = proposal.entries
    assert entry.provenance is not None
    assert [(warning.code, warning.entry_id) for warning in proposal.warnings] == [
        (WarningCode.MATCH_UNCERTAIN, entry.id)
    ]
    assert len(entry.alternatives) == 1
    assert entry.alternatives[0].food_name != entry.provenance.food_name


async def test_a_better_match_of_a_later_database_is_taken() -> None:
    first = Database({"salad": RICE}, offers_all=True)
    second = Database({"rice salad": CHICKEN}, source=NutrientSource.OPENFOODFACTS)
    proposal = await propose(MealAnalysis(Recognizer(food("rice salad")), FoodSearch([first, second])))
    assert proposal.entries[0].nutrients == CHICKEN


async def test_equal_foods_are_one_entry_searched_once() -> None:
    egg = structs.replace(
        food("Boiled eggs", 50, 0.8), remarks=(Remark(code=WarningCode.AMOUNT_UNCERTAIN, message="about"),)
    )
    table = Database({"boiled egg": CHICKEN})
    recognizer = Recognizer(egg, food("rice", 100, None), food("boiled egg", 60, 0.6), food("rice", 20, None))
    proposal = await propose(MealAnalysis(recognizer, FoodSearch([table])))
    eggs, rice = proposal.entries
    assert (eggs.name, eggs.quantity_g, eggs.confidence) == ("Boiled eggs", 110, 0.7)
    assert (rice.quantity_g, rice.confidence) == (120, None)
    assert sorted(table.searches) == ["Boiled eggs", "rice"]
    assert (WarningCode.AMOUNT_UNCERTAIN, eggs.id) in [
        (warning.code, warning.entry_id) for warning in proposal.warnings
    ]


async def test_remarks_on_the_plate_become_warnings() -> None:
    recognizer = Recognizer(
        food("rice"), remarks=(Remark(code=WarningCode.FOODS_LEFT_OUT, message="too many"),)
    )
    proposal = await propose(MealAnalysis(recognizer, FoodSearch([usda()])))
    assert [(warning.code, warning.entry_id) for warning in proposal.warnings] == [
        (WarningCode.FOODS_LEFT_OUT, None)
    ]


async def test_a_fault_of_ours_is_not_taken_for_an_outage() -> None:
    with pytest.raises(ExceptionGroup):
        await propose(
            MealAnalysis(Recognizer(food("rice")), FoodSearch([Database({}, error=KeyError("bug"))]))
        )


async def test_a_food_of_no_calories_is_a_match() -> None:
    water = Nutrients.of(calories=0, protein=0, carbs=0, fat=0, fiber=0, sugar=0, sodium=4)
    proposal = await propose(
        MealAnalysis(Recognizer(food("water", 250)), FoodSearch([Database({"water": water})]))
    )
    assert proposal.entries[0].nutrients.calories == 0
    assert proposal.warnings == ()


@pytest.mark.parametrize("grams", [0, -5, 0.0004, 10_000.001, float("nan"), float("inf")])
async def test_a_food_without_usable_amount_becomes_a_warning(grams: float) -> None:
    analysis = MealAnalysis(Recognizer(food("chicken", grams), food("rice")), FoodSearch([usda()]))
    proposal = await propose(analysis)
    assert [entry.name for entry in proposal.entries] == ["rice"]
    assert [(warning.code, warning.entry_id) for warning in proposal.warnings] == [
        (WarningCode.AMOUNT_UNUSABLE, None)
    ]


async def test_a_plate_without_food_is_no_meal() -> None:
    with pytest.raises(NoFoodRecognized):
        await propose(MealAnalysis(Recognizer(), FoodSearch([usda()])))


async def test_foods_without_usable_amounts_are_no_empty_plate() -> None:
    with pytest.raises(AmountUnusable):
        await propose(MealAnalysis(Recognizer(food("rice", 0)), FoodSearch([usda()])))


async def test_foods_are_searched_in_parallel_within_a_bound() -> None:
    first = Database(dict.fromkeys(MANY, RICE))
    analysis = MealAnalysis(Recognizer(*[food(name) for name in MANY]), FoodSearch([first], at_once=3))
    await propose(analysis)
    assert len(first.searches) == 20
    assert first.most_at_once == 3
