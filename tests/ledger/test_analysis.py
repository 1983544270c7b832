"""The analysis: foods from the model, nutrients from databases; 'not found' and 'down' are different answers."""

import pytest

from ledger import (
    MealAnalysis,
    NoFoodRecognized,
    Nutrients,
    NutrientSource,
    Proposal,
    RateLimited,
    ServiceUnavailable,
    WarningCode,
)
from ledger.nutrition import UNKNOWN
from tests.ledger.plates import CHICKEN, RICE
from tests.ledger.ports import Database, Recognizer, food, usda


async def propose(analysis: MealAnalysis) -> Proposal:
    return await analysis.propose(photo_url="https://example.com/a.jpg", dish_hint=None, user_id="alice")


async def test_foods_are_matched_and_scaled_with_their_provenance() -> None:
    analysis = MealAnalysis(Recognizer(food("rice", 150.0004), food("chicken", 120)), [usda()])
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
    proposal = await propose(MealAnalysis(Recognizer(food("poke bowl")), [usda(), second]))
    assert proposal.entries[0].provenance is not None
    assert proposal.entries[0].provenance.source is NutrientSource.OPENFOODFACTS


async def test_a_food_of_the_first_database_is_searched_only_there() -> None:
    second = Database({})
    await propose(MealAnalysis(Recognizer(food("rice")), [usda(), second]))
    assert second.searches == []


async def test_an_unmatched_food_stays_with_unknown_nutrients_and_a_warning() -> None:
    analysis = MealAnalysis(Recognizer(food("rice"), food("cherimoya")), [usda(), Database({})])
    proposal = await propose(analysis)
    _, cherimoya = proposal.entries
    assert (cherimoya.nutrients, cherimoya.provenance) == (UNKNOWN, None)
    (warning,) = proposal.warnings
    assert (warning.code, warning.entry_id) == (WarningCode.NUTRIENTS_NOT_FOUND, cherimoya.id)


@pytest.mark.parametrize("down", [ServiceUnavailable("down"), RateLimited("slowly")])
async def test_a_failed_search_is_no_missing_food(down: Exception) -> None:
    second = Database({}, error=down)
    proposal = await propose(MealAnalysis(Recognizer(food("cherimoya")), [usda(), second]))
    assert [warning.code for warning in proposal.warnings] == [WarningCode.NUTRIENTS_UNAVAILABLE]


@pytest.mark.parametrize("down", [ServiceUnavailable("down"), RateLimited("slowly")])
async def test_the_first_database_down_fails_the_analysis(down: Exception) -> None:
    first, second = Database({}, error=down), usda()
    with pytest.raises(type(down)):
        await propose(MealAnalysis(Recognizer(food("rice"), food("chicken")), [first, second]))
    assert second.searches == []


async def test_a_fault_of_ours_is_not_taken_for_an_outage() -> None:
    with pytest.raises(ExceptionGroup):
        await propose(MealAnalysis(Recognizer(food("rice")), [Database({}, error=KeyError("bug"))]))


async def test_a_food_of_no_calories_is_a_match() -> None:
    water = Nutrients.of(calories=0, protein=0, carbs=0, fat=0, fiber=0, sugar=0, sodium=4)
    proposal = await propose(MealAnalysis(Recognizer(food("water", 250)), [Database({"water": water})]))
    assert proposal.entries[0].nutrients.calories == 0
    assert proposal.warnings == ()


@pytest.mark.parametrize("grams", [0, -5, 0.0004, 10_000.001, float("nan"), float("inf")])
async def test_a_food_without_usable_amount_becomes_a_warning(grams: float) -> None:
    analysis = MealAnalysis(Recognizer(food("chicken", grams), food("rice")), [usda()])
    proposal = await propose(analysis)
    assert [entry.name for entry in proposal.entries] == ["rice"]
    assert [(warning.code, warning.entry_id) for warning in proposal.warnings] == [
        (WarningCode.AMOUNT_UNUSABLE, None)
    ]


@pytest.mark.parametrize("foods", [(), (food("rice", 0),)])
async def test_a_plate_without_usable_food_is_no_meal(foods: tuple[object, ...]) -> None:
    with pytest.raises(NoFoodRecognized):
        await propose(MealAnalysis(Recognizer(*foods), [usda()]))  # type: ignore[arg-type] # foods, or none


async def test_foods_are_searched_in_parallel_within_a_bound() -> None:
    first = Database({f"food {n}": RICE for n in range(20)})
    analysis = MealAnalysis(Recognizer(*[food(f"food {n}") for n in range(20)]), [first], searches_at_once=3)
    await propose(analysis)
    assert len(first.searches) == 20
    assert first.most_at_once == 3
