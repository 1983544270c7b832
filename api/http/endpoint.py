"""The GraphQL endpoint: GraphQL over HTTP in, GraphQL over HTTP out."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from graphql import DocumentNode, GraphQLSchema, OperationType, get_operation_ast
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.errors import DeadlinePassed, DocumentRefused, MethodNotAllowed, RequestRefused
from api.graphql import LARGE_COST, Context, DocumentCache, Executed, LargeAnswers, Prepared, execute
from api.http.departure import given_up_by_departure
from api.http.negotiation import GRAPHQL_RESPONSE, JSON, response_media_type
from api.http.request_state import RequestState, state_of
from api.http.requests import GraphQLRequest, read_graphql_request
from api.http.responses import error_response, graphql_response
from ledger import Actor, MealCommands
from projections import ReadModels


class GraphQLEndpoint:
    """An ASGI application that answers one path; the authentication stands before it."""

    def __init__(self, schema: GraphQLSchema, commands: MealCommands, read_models: ReadModels) -> None:
        self._schema = schema
        self._commands = commands
        self._read_models = read_models
        self._documents = DocumentCache(schema)
        self._large_answers = LargeAnswers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        state = state_of(request.scope)
        media_type = JSON
        try:
            media_type = response_media_type(_joined(request.headers.getlist("accept")))
            asked = await read_graphql_request(request)
            prepared = await self._documents.prepare(asked.query)
            if request.method == "GET":
                _require_query(prepared.document, asked.operation_name)
            async with given_up_by_departure(request.receive, state.deadline):
                done = await self._execute(prepared, asked, self._context(state))
        except DocumentRefused as refused:
            return error_response(
                state, refused, media_type=media_type, status=_status_of_refused_document(media_type)
            )
        except RequestRefused as refused:
            return error_response(state, refused, media_type=media_type)
        return graphql_response(
            state, media_type=media_type, data=done.data, with_data=True, errors=done.errors
        )

    async def _execute(self, prepared: Prepared, asked: GraphQLRequest, context: Context) -> Executed:
        """Queries end at the deadline. Mutations keep it themselves: one that is under way may have to go on."""
        document, deadline = prepared.document, context.deadline
        if deadline.passed:
            raise DeadlinePassed

        def run(context: Context) -> Coroutine[Any, Any, Executed]:
            return execute(
                self._schema,
                document,
                context,
                variables=asked.variables,
                operation_name=asked.operation_name,
            )

        if not _is_query(document, asked.operation_name):
            return await run(context)
        try:
            async with asyncio.timeout(deadline.remaining):
                if prepared.cost >= LARGE_COST:
                    return await self._large_answers.make(context, run)
                return await run(context)
        except TimeoutError:
            raise DeadlinePassed from None

    def _context(self, state: RequestState) -> Context:
        if state.user_id is None:
            raise AssertionError("the authentication stands before the endpoint")
        return Context(
            actor=Actor(user_id=state.user_id, correlation_id=state.correlation_id),
            deadline=state.deadline,
            commands=self._commands,
            read_models=self._read_models,
        )


def _joined(values: list[str]) -> str | None:
    return ", ".join(values) if values else None


def _require_query(document: DocumentNode, operation_name: str | None) -> None:
    if not _is_query(document, operation_name):
        raise MethodNotAllowed("A mutation must be sent as a POST.", headers={"Allow": "POST"})


def _is_query(document: DocumentNode, operation_name: str | None) -> bool:
    operation = get_operation_ast(document, operation_name)
    return operation is None or operation.operation is OperationType.QUERY


def _status_of_refused_document(media_type: str) -> int:
    """Under the older media type a well-formed answer is a 200 (GraphQL over HTTP, as its audit suite has it)."""
    return DocumentRefused.status if media_type == GRAPHQL_RESPONSE else 200
