"""The application: health, authentication, and one GraphQL endpoint."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Lifespan

from api.auth import Authenticator
from api.errors import MethodNotAllowed, NotFound
from api.graphql import executable_schema
from api.http import (
    HEALTH_PATHS,
    AuthenticationMiddleware,
    Check,
    CorrelationMiddleware,
    GraphQLEndpoint,
    Health,
    error_response,
    state_of,
)
from ledger import MealCommands
from projections import ReadModels

GRAPHQL_PATH = "/graphql"


def create_app(
    *,
    commands: MealCommands,
    read_models: ReadModels,
    authenticator: Authenticator,
    version: str,
    request_deadline: timedelta,
    commit: str | None = None,
    checks: Callable[[], Sequence[Check]] = tuple,
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """The API over the two ports. A request is answered within `request_deadline` from its arrival.

    /readyz shows `commit`, which names the code, and `checks` beside those of the read side.

    The caller made the ports and the authenticator, and closes them, for instance in `lifespan`.
    """
    return FastAPI(
        title="Meal Ledger",
        version=version,
        # The one thing to document is the GraphQL schema, which documents itself.
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        routes=[
            Route(GRAPHQL_PATH, GraphQLEndpoint(executable_schema(), commands, read_models)),
            *Health(read_models, version, commit, checks).routes(),
        ],
        middleware=[
            Middleware(
                CorrelationMiddleware,
                paths=[GRAPHQL_PATH],
                quiet_paths=HEALTH_PATHS,
                deadline=request_deadline,
            ),
            Middleware(AuthenticationMiddleware, authenticator=authenticator, open_paths=HEALTH_PATHS),
        ],
        exception_handlers={HTTPException: _refuse},
    )


async def _refuse(request: Request, error: Exception) -> Response:
    """The router's own refusals: no such path, or another method."""
    if not isinstance(error, HTTPException):
        raise error
    kind = MethodNotAllowed if error.status_code == 405 else NotFound
    refused = kind(f"{error.detail}; GraphQL is at {GRAPHQL_PATH}.", headers=error.headers)
    return error_response(state_of(request.scope), refused)
