"""What holds for every history: the read models equal a naive look at the meals, however the log is cut."""

from collections.abc import Sequence
from itertools import groupby, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ledger import Meal, MealEvent, MealStatus, MealType, total
from projections import DAILY_SUMMARIES, MEALS, Document, summary
from projections.daily_summaries import day_key
from projections.meals import decode_meal
from tests.projections.histories import histories
from tests.projections.specs import applied, stored

History = tuple[Sequence[Meal], Sequence[MealEvent]]


@given(histories())
@settings(deadline=None)
def test_every_meal_is_what_its_stream_makes_of_it(history: History) -> None:
    meals, log = history

    documents = applied(MEALS, log)

    assert documents.keys() == {str(meal.id) for meal in meals}
    for meal in meals:
        expected = meal.snapshot()
        if meal.status is MealStatus.DELETED:
            expected = structs.replace(
                expected,
                dish_name=None,
                photo_url=None,
                confidence=None,
                notes=None,
                entries=(),
                totals=total(()),
                warnings=(),
            )
        assert decode_meal(str(meal.id), documents[str(meal.id)]) == expected


@given(histories())
@settings(deadline=None)
def test_every_day_is_the_sum_of_its_meals(history: History) -> None:
    meals, log = history
    counting = [meal for meal in meals if meal.status in {MealStatus.ANALYZED, MealStatus.CONFIRMED}]

    documents = applied(DAILY_SUMMARIES, log)

    days = {(meal.user_id, meal.timing.local_date) for meal in counting}
    assert documents.keys() == {day_key(user_id, day) for user_id, day in days}
    for user_id, day in days:
        on_it = [meal for meal in counting if (meal.user_id, meal.timing.local_date) == (user_id, day)]
        confirmed = [meal for meal in on_it if meal.status is MealStatus.CONFIRMED]
        held = summary(day, documents[day_key(user_id, day)], 0)
        assert held.totals == total(entry.nutrients for meal in confirmed for entry in meal.entries)
        assert held.meal_count == len(confirmed)
        assert held.pending_count == len(on_it) - len(confirmed)
        order = list(MealType)
        by_type = groupby(
            sorted(confirmed, key=lambda meal: order.index(meal.timing.meal_type)),
            key=lambda meal: meal.timing.meal_type,
        )
        assert [(part.meal_type, part.meal_count, part.totals) for part in held.breakdown] == [
            (meal_type, len(listed), total(meal.totals for meal in listed))
            for meal_type, listed in ((meal_type, list(group)) for meal_type, group in by_type)
        ]


@given(histories(), st.data())
@settings(deadline=None)
def test_documents_do_not_depend_on_the_batches(history: History, data: st.DataObject) -> None:
    _, log = history
    cuts = sorted({0, len(log), *data.draw(st.lists(st.integers(0, len(log))))})

    for projection in (MEALS, DAILY_SUMMARIES):
        live: dict[str, Document] = {}
        for start, end in pairwise(cuts):
            live = applied(projection, log[start:end], live)
        assert stored(live) == stored(applied(projection, log))


@given(histories())
@settings(deadline=None)
def test_a_day_does_not_depend_on_the_order_of_meals(history: History) -> None:
    _, log = history
    stream_by_stream = sorted(log, key=lambda event: event.originator_id)

    assert stored(applied(DAILY_SUMMARIES, stream_by_stream)) == stored(applied(DAILY_SUMMARIES, log))
