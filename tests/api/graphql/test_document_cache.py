"""Documents are prepared once per text, within limits, and without holding up anybody else."""

import asyncio
from contextlib import nullcontext, suppress

import pytest
from graphql import DocumentNode, get_introspection_query
from graphql.execution import execute_sync
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import DocumentRefused, ResponseError
from api.graphql import document_cache, query_complexity
from api.graphql.document_cache import MAX_TOKENS, DocumentCache
from api.graphql.schema import executable_schema
from tests.api.client import GraphQLClient

SCHEMA = executable_schema()
NUTRIENTS = "calories protein carbs fat fiber sugar sodium complete"
INTROSPECTION = get_introspection_query(
    descriptions=True, specified_by_url=True, directive_is_repeatable=True, input_value_deprecation=True
)
EVERYTHING_OF_A_MEAL = f"""
fragment N on Nutrients {{ {NUTRIENTS} }}
fragment M on Meal {{
  id status mealType dishName photoUrl source confidence eatenAt timeZone localDate notes createdAt updatedAt
  totals {{ ...N }} warnings {{ code message entryId }} failure {{ code message }}
  entries {{
    id name quantityG confidence nutrients {{ ...N }}
    provenance {{ source sourceId dataType foodName published matchConfidence }}
  }}
}}
"""


async def prepared(text: str) -> DocumentNode:
    return (await DocumentCache(SCHEMA).prepare(text)).document


async def refusal(text: str) -> ResponseError:
    with pytest.raises(DocumentRefused) as refused:
        await prepared(text)
    [error] = refused.value.errors
    return error


def repeated(template: str, count: int) -> str:
    """The template `count` times, each # in it replaced by the number."""
    return " ".join(template.replace("#", str(number)) for number in range(count))


def nested_types(levels: int) -> str:
    return '{ __type(name: "Meal") ' + "{ ofType " * (levels - 2) + "{ name }" + "}" * (levels - 2) + " }"


class Counted:
    """Counts the calls of one of the module's functions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.calls = 0
        self._wrapped = getattr(document_cache, name)
        monkeypatch.setattr(document_cache, name, self)

    def __call__(self, *arguments: object, **options: object) -> object:
        self.calls += 1
        return self._wrapped(*arguments, **options)


async def test_a_text_that_came_twice_is_not_prepared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, validate = Counted(monkeypatch, "parse"), Counted(monkeypatch, "validate")
    cache = DocumentCache(SCHEMA)
    await cache.prepare("{ __typename }")
    second = await cache.prepare("{ __typename }")
    assert await cache.prepare("{ __typename }") is second
    assert await cache.prepare("{  __typename }") is not second
    assert (parse.calls, validate.calls) == (3, 3)


async def test_what_never_comes_again_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it push out what is."""
    monkeypatch.setattr("api.graphql.document_cache._MOST_SEEN", 50)
    cache = DocumentCache(SCHEMA)
    for _ in range(2):
        usual = await cache.prepare("{ __typename }")
    weight = cache.weight
    for number in range(200):
        await cache.prepare(f"{{ a{number}: __typename }}")
    assert cache.weight == weight
    assert await cache.prepare("{ __typename }") is usual


@pytest.mark.parametrize(
    "text", ["{", "{ unknown }", "{" + "a:" * 600 + "}", "{" + repeated("a#: __typename", 50) + "}"]
)
async def test_a_refusal_is_remembered_too(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    parse = Counted(monkeypatch, "parse")
    cache = DocumentCache(SCHEMA)
    errors = []
    for _ in range(3):
        with pytest.raises(DocumentRefused) as refused:
            await cache.prepare(text)
        errors.append(refused.value.errors)
    assert errors[0] == errors[1] == errors[2]
    assert parse.calls == 2


async def test_variables_are_no_part_of_what_is_remembered(
    alice: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = Counted(monkeypatch, "parse")
    text = "query ($date: Date!) { dailySummary(date: $date) { date } }"
    for day in ("2026-11-20", "2026-11-21", "2026-11-20"):
        assert await alice.data(text, date=day) == {"dailySummary": {"date": day}}
    assert (await alice.error(text, date="never"))["code"] == "VALIDATION_ERROR"
    assert parse.calls == 2


async def test_the_least_recently_used_texts_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = Counted(monkeypatch, "parse")
    texts = [f"{{ a{number}: __typename }}" for number in range(3)]
    cache = DocumentCache(SCHEMA, max_weight=2 * 6 * 1024)  # room for two of them, not for three
    for text in texts:
        await cache.prepare(text)
    for text in (texts[0], texts[1], texts[0], texts[2]):
        await cache.prepare(text)
    assert parse.calls == 6
    await cache.prepare(texts[0])
    assert parse.calls == 6
    await cache.prepare(texts[1])
    assert parse.calls == 7


async def test_the_memory_is_bounded_whatever_comes() -> None:
    cache = DocumentCache(SCHEMA, max_weight=100 * 1024)
    for number in range(200):
        await cache.prepare(f"{{ a{number // 2}: __typename }}")
        try:
            await cache.prepare(f"{{ unknown{number // 2} }}")
        except DocumentRefused:
            continue
    assert 0 < cache.weight <= 100 * 1024


async def test_a_text_that_comes_twice_at_once_is_remembered_once() -> None:
    text = "{ __typename }" + " " * 3000
    alone, twice = DocumentCache(SCHEMA), DocumentCache(SCHEMA)
    for cache in (alone, alone, twice):
        await cache.prepare(text)
    await asyncio.gather(twice.prepare(text), twice.prepare(text))
    assert alone.weight == twice.weight > 0


async def test_a_thousand_tokens_are_allowed_and_not_one_more() -> None:
    await prepared("{" + " __typename" * (MAX_TOKENS - 2) + "}")
    error = await refusal("{" + " __typename" * (MAX_TOKENS - 1) + "}")
    assert error.code == "DOCUMENT_TOO_COMPLEX"
    assert "more than 1000 tokens" in error.message


async def test_comments_are_bounded_too() -> None:
    await prepared("#\n" * 1000 + "{ __typename }")
    error = await refusal("#\n" * 1001 + "{ __typename }")
    assert (error.code, "more than 1000 comments" in error.message) == ("DOCUMENT_TOO_COMPLEX", True)


async def test_depth_is_bounded() -> None:
    await prepared(nested_types(query_complexity.MAX_DEPTH))
    error = await refusal(nested_types(query_complexity.MAX_DEPTH + 1))
    assert (error.code, error.message) == (
        "DOCUMENT_TOO_COMPLEX",
        "The document is nested too deeply; at most 15 levels are allowed.",
    )


@pytest.mark.parametrize(
    "text",
    [
        "{ a" * 480 + "}" * 480,
        "{ ..." * 240 + "{ a }" + "}" * 240,
        "{ a(b: " + "[" * 490 + "]" * 490 + ") }",
        "{ a(b: " + "{c: " * 240 + "1" + "}" * 240 + ") }",
        "{ ...F0 }" + repeated("fragment F# on Query { __typename ...G# }", 1)
        + " ".join(f"fragment G{n} on __Type {{ ofType {{ ...G{n + 1} }} }}" for n in range(20))
        + "fragment G20 on __Type { name }",
    ],
    ids=["fields", "inline fragments", "lists", "objects", "fragments"],
)  # fmt: skip
async def test_nothing_hides_depth(text: str) -> None:
    error = await refusal(text)
    assert (error.code, "nested too deeply" in error.message) == ("DOCUMENT_TOO_COMPLEX", True)


async def test_aliases_are_bounded() -> None:
    await prepared("{" + repeated("a#: __typename", query_complexity.MAX_ALIASES) + "}")
    error = await refusal("{" + repeated("a#: __typename", query_complexity.MAX_ALIASES + 1) + "}")
    assert (error.code, error.message) == (
        "DOCUMENT_TOO_COMPLEX",
        "The operation has 41 aliases; at most 40 are allowed.",
    )


async def test_aliases_are_counted_on_every_level() -> None:
    error = await refusal(
        "{ a: __schema {" + repeated("a#: description", query_complexity.MAX_ALIASES) + "} }"
    )
    assert "41 aliases" in error.message


async def test_fragments_do_not_hide_aliases() -> None:
    text = (
        "{ ...F0 }"
        + "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
        + "fragment F40 on Query { a: __typename }"
    )
    error = await refusal(text)
    assert (error.code, error.message) == (
        "DOCUMENT_TOO_COMPLEX",
        "The operation has over a million aliases; at most 40 are allowed.",
    )


async def test_spreads_are_bounded() -> None:
    fragment = "fragment F on Query { __typename }"
    await prepared("{" + "...F " * query_complexity.MAX_SPREADS + "}" + fragment)
    error = await refusal("{" + "...F " * (query_complexity.MAX_SPREADS + 1) + "}" + fragment)
    assert error.code == "DOCUMENT_TOO_COMPLEX"


@pytest.mark.parametrize(
    "field", ["__schema { __typename }", "... { __typename }", "__typename @skip(if: true)"]
)
async def test_repeats_that_have_to_be_compared_are_bounded(field: str) -> None:
    await prepared("{" + f"{field} " * (query_complexity.MAX_REPEATS + 1) + "}")
    error = await refusal("{" + f"{field} " * (query_complexity.MAX_REPEATS + 2) + "}")
    assert (error.code, "repeats fields too often" in error.message) == ("DOCUMENT_TOO_COMPLEX", True)


async def test_plain_repeats_cost_nothing_and_mean_nothing() -> None:
    document = await prepared(
        "{ __typename a: __typename __typename a: __typename __schema { __typename __typename } }"
    )
    once = {"__typename": "Query", "a": "Query", "__schema": {"__typename": "__Schema"}}
    assert execute_sync(SCHEMA, document).data == once


async def test_mutations_of_one_operation_are_bounded() -> None:
    await prepared(
        "mutation {"
        + repeated("a#: deleteMeal(mealId: #) { position }", query_complexity.MAX_MUTATIONS)
        + "}"
    )
    error = await refusal(
        "mutation {"
        + repeated("a#: deleteMeal(mealId: #) { position }", query_complexity.MAX_MUTATIONS + 1)
        + "}"
    )
    assert (error.code, error.message) == (
        "DOCUMENT_TOO_COMPLEX",
        "The operation has 11 mutations; at most 10 are allowed.",
    )


@pytest.mark.parametrize(
    "text",
    [
        INTROSPECTION,
        "{ mealHistory(first: 100) { edges { cursor node { ...M } } pageInfo { endCursor hasNextPage } } }"
        + EVERYTHING_OF_A_MEAL,
        "query ($n: Int) { mealHistory(first: $n) { edges { node { ...M } } } }" + EVERYTHING_OF_A_MEAL,
        "{" + repeated('d#: dailySummary(date: "2026-01-01") { date mealCount totals { ...N } '
                       "breakdown { mealType totals { ...N } } }", 31) + "}"
        + f"fragment N on Nutrients {{ {NUTRIENTS} }}",
    ],
    ids=["introspection", "whole page", "page of a variable", "month"],
)  # fmt: skip
async def test_what_clients_really_ask_is_allowed(text: str) -> None:
    await prepared(text)


@pytest.mark.parametrize(
    "text",
    [
        "{ __schema {" + repeated("a#: types { fields { type { ofType { fields { name description } } } }}", 30) + "}}",
        "{ __schema { types { fields { type { fields {" + repeated("a#: type { name ofType { name } }", 39) + "}}}}}}",
        "{" + repeated("a#: mealHistory(first: 100) { edges { node { ...M } } }", 3) + "}" + EVERYTHING_OF_A_MEAL,
        "query ($n: Int) {" + repeated("a#: mealHistory(first: $n) { edges { node { ...M } } }", 3) + "}"
        + EVERYTHING_OF_A_MEAL,
    ],
    ids=["types", "fields", "pages", "pages of a variable"],
)  # fmt: skip
async def test_what_would_answer_with_too_much_is_refused(text: str) -> None:
    error = await refusal(text)
    assert (error.code, "values; at most 30000" in error.message) == ("DOCUMENT_TOO_COMPLEX", True)


@pytest.mark.parametrize("first", ["-1", "0", "99999999999999999999", '"x"', "null", "1.5", "[1]"])
async def test_an_odd_page_size_does_not_upset_the_measuring(first: str) -> None:
    """It neither fails nor counts less."""
    cache = DocumentCache(SCHEMA)
    text = f"{{ mealHistory(first: {first}) {{ edges {{ cursor }} }} }}"
    with nullcontext() if first in {"-1", "0", "null"} else pytest.raises(DocumentRefused) as refused:
        await cache.prepare(text)
    if refused:
        assert {error.code for error in refused.value.errors} == {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { __typename ...A }",
        "{ ...Unknown }",
        "{ __typename } fragment Unused on Query { __typename }",
        "{ __typename @unknown }",
        "query ($a: Int) { __typename }",
        '{ a: __typename a: dailySummary(date: "2026-01-01") { date } }',
    ],
)
async def test_what_is_merely_wrong_is_left_to_the_validation(text: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        await prepared(text)
    assert {error.code for error in refused.value.errors} == {"GRAPHQL_VALIDATION_FAILED"}


async def test_validation_stops_after_a_few_errors_and_quotes_little() -> None:
    with pytest.raises(DocumentRefused) as refused:
        await prepared("{" + repeated("unknown#", 500) + "}")
    assert len(refused.value.errors) <= document_cache.MAX_ERRORS + 1
    error = await refusal("{ " + "a" * 1_000_000 + " }")
    assert len(error.message) == 500


@pytest.mark.parametrize(
    "text",
    [
        '{ dailySummary(date: "' + "x" * 900_000 + '") { date } }',
        "{ " + "a" * 900_000 + " }",
        "{" + " " * 900_000 + "__typename }",
    ],
    ids=["string", "name", "blanks"],
)
async def test_preparing_a_large_document_keeps_the_loop_free(text: str) -> None:
    preparing = asyncio.create_task(DocumentCache(SCHEMA).prepare(text))
    turns = 0
    while not preparing.done():
        turns += 1
        await asyncio.sleep(0)
    # Prepared on the loop itself it would be done at the first turn, or the second.
    assert turns > 3
    await asyncio.gather(preparing, return_exceptions=True)


SELECTION = st.recursive(
    st.sampled_from(["__typename", "id", "a: __typename", "...F", "...G", "meal(id: 1) { id }", "unknown"]),
    lambda inner: st.lists(inner, min_size=1, max_size=4).flatmap(
        lambda parts: st.sampled_from(["... {", "b: meal(id: 1) {", "__schema {", "... on Meal {"]).map(
            lambda head: head + " ".join(parts) + "}"
        )
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=30)
@given(*[st.lists(SELECTION, min_size=1, max_size=5).map(" ".join)] * 3)
def test_no_document_makes_it_crash(query: str, f: str, g: str) -> None:
    text = f"query {{ {query} }} fragment F on Query {{ {f} }} fragment G on Meal {{ {g} }}"
    with suppress(DocumentRefused):
        asyncio.run(prepared(text))
