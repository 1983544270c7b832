"""The schema as clients see it, and its house rules."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    is_introspection_type,
    is_specified_scalar_type,
)
from msgspec import Struct

from api.export import EXPORT, exported_schema, main
from api.graphql.schema import executable_schema
from ledger import AnalyzeMealPhoto, ConfirmMealAnalysis, DeleteMeal, UpdateMeal

SCHEMA = executable_schema()
OWN_TYPES = [
    type_
    for type_ in SCHEMA.type_map.values()
    if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
]


def _described() -> Iterator[tuple[str, str | None]]:
    for type_ in OWN_TYPES:
        yield type_.name, type_.description
        if isinstance(type_, GraphQLObjectType | GraphQLInputObjectType):
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field.description
                for argument_name, argument in getattr(field, "args", {}).items():
                    yield f"{type_.name}.{name}({argument_name})", argument.description
        if isinstance(type_, GraphQLEnumType):
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", value.description


def test_everything_has_a_description_that_is_a_sentence() -> None:
    bad = [name for name, text in _described() if not text or not text[0].isupper() or text[-1] != "."]
    assert bad == []
    assert len(list(_described())) > 100


def test_schema_names_have_the_case_of_graphql() -> None:
    """Fields and arguments are in camel case, enum values in upper case."""
    names = [part for name, _ in _described() for part in re.findall(r"[^.()]+", name)[1:]]
    assert [name for name in names if not re.fullmatch(r"[a-z][a-zA-Z0-9]*|[A-Z][A-Z0-9_]*", name)] == []


def test_lists_hold_no_nulls() -> None:
    fields = [
        field
        for type_ in OWN_TYPES
        if isinstance(type_, GraphQLObjectType | GraphQLInputObjectType)
        for field in type_.fields.values()
    ]
    assert [str(field.type) for field in fields if re.search(r"[^!]\]", str(field.type))] == []


def test_every_mutation_answers_with_a_payload_that_has_user_errors() -> None:
    assert SCHEMA.mutation_type
    for field in SCHEMA.mutation_type.fields.values():
        assert re.fullmatch(r"\w+Payload!", str(field.type))
        payload = SCHEMA.type_map[str(field.type).rstrip("!")]
        assert isinstance(payload, GraphQLObjectType)
        types = {name: str(f.type) for name, f in payload.fields.items()}
        assert types.pop("userErrors") == "[UserError!]!"
        assert not any(type_.endswith("!") for type_ in types.values()), (
            "they are null where nothing was done"
        )


@pytest.mark.parametrize(
    ("mutation", "command"),
    [
        ("analyzeMealPhoto", AnalyzeMealPhoto),
        ("confirmMealAnalysis", ConfirmMealAnalysis),
        ("updateMeal", UpdateMeal),
        ("deleteMeal", DeleteMeal),
    ],
)
def test_arguments_of_a_mutation_are_the_fields_of_its_command(mutation: str, command: type[Struct]) -> None:
    assert SCHEMA.mutation_type
    arguments = SCHEMA.mutation_type.fields[mutation].args.items()
    names = {argument.out_name or name for name, argument in arguments}
    assert names == set(command.__struct_fields__)


def test_dates_and_times_say_what_specifies_them() -> None:
    for name in ("Date", "DateTime"):
        scalar = SCHEMA.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        assert scalar.specified_by_url


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("MealType", "BREAKFAST LUNCH DINNER SNACK"),
        ("MealStatus", "ANALYZING ANALYZED CONFIRMED FAILED DELETED"),
        (
            "ErrorCode",
            "VALIDATION_ERROR MEAL_NOT_FOUND INVALID_STATE UNKNOWN_ENTRY NO_FOOD_RECOGNIZED AMOUNT_UNUSABLE "
            "PHOTO_NOT_ACCESSIBLE "
            "ANALYSIS_REFUSED IDEMPOTENCY_CONFLICT SERVICE_UNAVAILABLE RATE_LIMITED CONFLICT UNREADABLE",
        ),
    ],
)
def test_enums_have_exactly_the_values_of_the_ledger(name: str, values: str) -> None:
    enum = SCHEMA.type_map[name]
    assert isinstance(enum, GraphQLEnumType)
    assert list(enum.values) == values.split()


def test_the_committed_export_is_up_to_date() -> None:
    assert EXPORT.read_text(encoding="utf-8") == exported_schema()


def test_export_writes_and_check_only_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "schema.graphql"
    check = ["--check", "--file", str(file)]
    assert main(check) == 1
    assert not file.exists()
    assert main(["--file", str(file)]) == 0
    assert main(check) == 0
    file.write_text("type Query { other: Int }", encoding="utf-8")
    assert main(check) == 1
    assert file.read_text(encoding="utf-8") == "type Query { other: Int }"
    assert "make export-schema" in capsys.readouterr().err
