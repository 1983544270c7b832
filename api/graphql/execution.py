"""Execution of a prepared document."""

from inspect import isawaitable
from typing import Any

from graphql import DocumentNode, ExecutionResult, Executor, GraphQLSchema, execute_root_selection_set
from msgspec import Struct

from api.errors import DocumentRefused, RequestErrorCode, ResponseError
from api.graphql.context import Context
from api.graphql.located_errors import document_errors, execution_errors


class Executed(Struct, frozen=True):
    """What the operation answered: `data` is None where an error of a field reached the root."""

    data: dict[str, Any] | None
    errors: list[ResponseError]


async def execute(
    schema: GraphQLSchema,
    document: DocumentNode,
    context: Context,
    *,
    variables: dict[str, Any] | None,
    operation_name: str | None,
) -> Executed:
    """Run one operation of the document.

    Raises DocumentRefused, before anything is run, for variables or an operation name that do not fit the document.
    """
    executor = Executor.build(
        schema,
        document,
        context_value=context,
        raw_variable_values=variables,
        operation_name=operation_name,
        max_coercion_errors=10,
    )
    if isinstance(executor, list):
        raise DocumentRefused(document_errors(executor, RequestErrorCode.BAD_USER_INPUT))
    outcome = execute_root_selection_set(executor)
    result: ExecutionResult = await outcome if isawaitable(outcome) else outcome
    errors = execution_errors(result.errors or (), context.actor.correlation_id)
    return Executed(data=result.data, errors=errors)
