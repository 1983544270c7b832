"""The page at `/` of the local environment: what this is, how to ask it something, and where everything is."""

from collections.abc import Mapping
from html import escape
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from api import GRAPHQL_PATH
from ops.settings import ServeSettings, reveal
from ops.stand_ins.menu import MENU
from ops.tokens import issue_token

_USER = "alice"
_READINESS, _HEALTH = "/readyz?verbose=1", "/health"
_PAGES = frozenset({_READINESS, _HEALTH})
_NAMES_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1"})
_QUERY = "{\n  mealHistory(first: 5) {\n    edges { node { id status dishName totals { calories } } }\n  }\n}"


def landing_page(settings: ServeSettings, environ: Mapping[str, str]) -> Route:
    """The route. A token is shown to a browser on this machine only."""

    async def page(request: Request) -> Response:
        token = issue_token(settings, _USER) if _is_of_this_machine(request) else None
        return HTMLResponse(_page(settings, environ, token), headers={"Cache-Control": "no-store"})

    return Route("/", page, methods=["GET"])


def _is_of_this_machine(request: Request) -> bool:
    """Whether a browser here asks for a name of here: another name, made to point here, is a page of a stranger's."""
    asked = urlsplit(f"//{request.headers.get('host', '')}").hostname
    client = request.client.host if request.client else ""
    return asked in _NAMES_OF_THIS_MACHINE and bool(client) and ip_address(client).is_loopback


def _page(settings: ServeSettings, environ: Mapping[str, str], token: str | None) -> str:
    addresses = {
        "GraphQL": GRAPHQL_PATH,
        "readiness": _READINESS,
        "health": _HEALTH,
        "MongoDB": reveal(settings.mongodb_url) or "",
        "database": settings.mongodb_database,
        "logs": f"{environ.get('DATA', 'var')}/logs",
    }
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{_link(value)}</td></tr>" for name, value in addresses.items()
    )
    menu = "".join(
        f"<tr><th><code>…/{escape(name)}.jpg</code></th><td>{escape(dish.says)}</td></tr>"
        for name, dish in MENU.items()
    )
    shown = (
        f"<textarea id=token rows=4>{escape(token)}</textarea>"
        if token
        else "<p>Open this page on its own machine for a token.</p><textarea id=token rows=4></textarea>"
    )
    return _TEMPLATE.format(
        rows=rows, menu=menu, token=shown, user=_USER, query=escape(_QUERY), path=GRAPHQL_PATH
    )


def _link(value: str) -> str:
    """A link to what a browser can open, else the text."""
    shown = escape(value)
    return f'<a href="{shown}">{shown}</a>' if value in _PAGES else f"<code>{shown}</code>"


_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Meal Ledger, local environment</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
th {{ text-align: left; font-weight: 600; padding: .2rem 1rem .2rem 0; vertical-align: top; white-space: nowrap; }}
textarea {{ width: 100%; box-sizing: border-box; font: 13px/1.4 monospace; }}
pre {{ background: #f4f4f4; padding: .8rem; overflow: auto; font-size: 13px; }}
button {{ font: inherit; padding: .3rem 1rem; }}
</style>
</head>
<body>
<h1>Meal Ledger</h1>
<p>The local environment: an event-sourced meal diary with a GraphQL API. Every meal is a stream of events in MongoDB;
the read models are built from them. Nothing here leaves this machine unless real keys are set.</p>
<h2>Ask it something</h2>
<p>A token of the user <b>{user}</b>, good for twelve hours:</p>
{token}
<p>A query:</p>
<textarea id="query" rows="7">{query}</textarea>
<p><button id="ask">Ask</button></p>
<pre id="answer">The answer comes here.</pre>
<h2>Where everything is</h2>
<table>{rows}</table>
<h2>Photos that go wrong</h2>
<p>The model that stands in here looks at no photo: it reads the dish hint, else the file's name. These names make it do
what cannot be had locally otherwise:</p>
<table>{menu}</table>
<script>
document.getElementById("ask").onclick = async () => {{
  const answer = document.getElementById("answer");
  answer.textContent = "…";
  try {{
    const response = await fetch("{path}", {{
      method: "POST",
      headers: {{
        "Content-Type": "application/json",
        "Authorization": "Bearer " + document.getElementById("token").value.trim(),
      }},
      body: JSON.stringify({{ query: document.getElementById("query").value }}),
    }});
    answer.textContent = JSON.stringify(await response.json(), null, 2);
  }} catch (error) {{
    answer.textContent = String(error);
  }}
}};
</script>
</body>
</html>
"""
