"""What `make run` prints for a newcomer to paste."""

from collections.abc import Mapping

from ops.tokens import sign_token

_USER = "alice"
_BODY = (
    r'{"query":"mutation { analyzeMealPhoto(photoUrl: \"https://example.com/test.jpg\") { mealId status } }"}'
)


def first_query(address: str, values: Mapping[str, str]) -> str:
    """A command for the shell that analyses a photo, with a fresh token of the environment that has `values`.

    `address` is the API's host and port.
    """
    token = sign_token(
        values["AUTH_JWT_SECRET"], issuer=values["AUTH_ISSUER"], audience=values["AUTH_AUDIENCE"], user=_USER
    )
    return (
        f"A first query, as the user {_USER}:\n\n"
        f"curl -s http://{address}/graphql -H 'Content-Type: application/json' \\\n"
        f"  -H 'Authorization: Bearer {token}' \\\n"
        f"  -d '{_BODY}'\n\n"
        "Ctrl-C stops everything."
    )
