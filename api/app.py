"""The application: health, authentication, and one GraphQL endpoint."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from fastapi import FastAPI
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
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


class WebClients(Struct, frozen=True, kw_only=True):
    """What browsers are told.

    The origins whose pages may use the API, by name or by a pattern of the whole origin; and for how long to use
    nothing but https (`hsts`; zero: nothing is said of it).
    """

    origins: tuple[str, ...] = ()
    origin_pattern: str | None = None
    hsts: timedelta = timedelta(0)


_NO_WEB_CLIENTS = WebClients()


def create_app(
    *,
    commands: MealCommands,
    read_models: ReadModels,
    authenticator: Authenticator,
    version: str,
    request_deadline: timedelta,
    commit: str | None = None,
    checks: Callable[[], Sequence[Check]] = tuple,
    web: WebClients = _NO_WEB_CLIENTS,
    open_pages: Sequence[Route] = (),
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """The API over the two ports. A request is answered within `request_deadline` from its arrival.

    `open_pages` are answered without a token. /readyz shows `commit`, which names the code, and `checks` beside those
    of the read side.

    The caller made the ports and the authenticator, and closes them, for instance in `lifespan`.
    """
    open_paths = (*HEALTH_PATHS, *(page.path for page in open_pages))
    routes: list[BaseRoute] = [
        *open_pages,
        Route(GRAPHQL_PATH, GraphQLEndpoint(executable_schema(), commands, read_models)),
        *Health(read_models, version, commit, checks).routes(),
    ]
    paths = (GRAPHQL_PATH, *open_paths)
    return FastAPI(
        title="Meal Ledger",
        version=version,
        # The one thing to document is the GraphQL schema, which documents itself.
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        routes=routes,
        middleware=[
            *_cors(web),
            Middleware(
                CorrelationMiddleware,
                paths=paths,
                quiet_paths=HEALTH_PATHS,
                deadline=request_deadline,
                hsts=web.hsts,
            ),
            Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5),
            Middleware(
                AuthenticationMiddleware, authenticator=authenticator, paths=paths, open_paths=open_paths
            ),
        ],
        exception_handlers={HTTPException: _refuse},
    )


def _cors(web: WebClients) -> list[Middleware]:
    """Preflights are answered before the authentication: browsers send them without a token."""
    if not web.origins and web.origin_pattern is None:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=web.origins,
            allow_origin_regex=web.origin_pattern,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    ]


async def _refuse(request: Request, error: Exception) -> Response:
    """The router's own refusals: no such path, or another method."""
    if not isinstance(error, HTTPException):
        raise error
    kind = MethodNotAllowed if error.status_code == 405 else NotFound
    refused = kind(f"{error.detail}; GraphQL is at {GRAPHQL_PATH}.", headers=error.headers)
    return error_response(state_of(request.scope), refused)
