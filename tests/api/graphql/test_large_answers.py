"""Large answers are made beside the event loop, and are the same."""

import threading

import pytest

from api.graphql.opaque_tokens import encode_cursor
from projections import HistoryCursor, NotReady
from tests.api.client import GraphQLClient
from tests.api.ports import Diary, InMemoryReadModels, a_meal

PAGE = """{ mealHistory(first: 100) { edges { cursor node {
  id status dishName notes entries { id name quantityG nutrients { calories protein carbs fat } } } } } }"""
SMALL = "{ mealHistory(first: 1) { edges { node { id } } } }"


@pytest.mark.parametrize(("query", "is_large"), [(PAGE, True), (SMALL, False)])
async def test_only_a_large_answer_leaves_the_loops_thread(
    alice: GraphQLClient, diary: Diary, monkeypatch: pytest.MonkeyPatch, query: str, is_large: bool
) -> None:
    meals = [diary.put(a_meal("alice")) for _ in range(3)]
    asked_in: set[threading.Thread] = set()
    resolved_in: set[threading.Thread] = set()
    history = InMemoryReadModels.meal_history

    async def noted(self: InMemoryReadModels, *given: object, **more: object) -> object:
        asked_in.add(threading.current_thread())
        return await history(self, *given, **more)  # type: ignore[arg-type] # handed on as it is

    def noted_cursor(cursor: HistoryCursor) -> str:
        resolved_in.add(threading.current_thread())
        return encode_cursor(cursor)

    monkeypatch.setattr(InMemoryReadModels, "meal_history", noted)
    monkeypatch.setattr("api.graphql.queries.encode_cursor", noted_cursor)
    found = (await alice.data(query))["mealHistory"]["edges"]
    assert {edge["node"]["id"] for edge in found} <= {meal.id for meal in meals}
    assert asked_in == {threading.main_thread()}  # the read models stay on their own loop
    assert (threading.main_thread() in resolved_in) is not is_large


async def test_an_error_in_a_large_answer_is_told_as_in_any_other(alice: GraphQLClient, diary: Diary) -> None:
    diary.raises = NotReady("The diary cannot be read.")
    [error] = (await alice.post(PAGE)).json()["errors"]
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
