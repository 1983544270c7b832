"""A signed-in GraphQL client, and the tokens it signs in with."""

import time
from typing import Any

import httpx
import jwt

SECRET = "a secret of tests, with at least 32 bytes"
ISSUER = "https://issuer.test"
AUDIENCE = "meal-ledger"


def claims(subject: str = "alice", **changes: object) -> dict[str, Any]:
    """The claims of a good access token. A change to None leaves the claim out."""
    now = int(time.time())
    good = {"sub": subject, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 300}
    return {name: value for name, value in (good | changes).items() if value is not None}


def a_token(subject: str = "alice", **changes: object) -> str:
    return jwt.encode(claims(subject, **changes), SECRET, algorithm="HS256")


class GraphQLClient:
    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self.headers = {"Authorization": f"Bearer {token}"}

    async def post(self, document: str, **variables: object) -> httpx.Response:
        return await self._http.post(
            "/graphql", json={"query": document, "variables": variables}, headers=self.headers
        )

    async def data(self, document: str, **variables: object) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = (await self.post(document, **variables)).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def error(self, document: str, **variables: object) -> dict[str, Any]:
        """The one error of an answer, whose code and correlation id it surely has."""
        answer = (await self.post(document, **variables)).json()
        [error] = answer["errors"]
        extensions = error["extensions"]
        assert {"code", "correlationId"} <= set(extensions) <= {"code", "correlationId", "retryAfterSeconds"}
        return {
            "message": error["message"],
            "code": extensions["code"],
            "retry_after": extensions.get("retryAfterSeconds"),
            "data": answer.get("data"),
        }
