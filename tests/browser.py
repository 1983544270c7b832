"""A page of another origin reads a day from the API, in a real browser: `make browser`.

It needs Chromium (`chromium` on the PATH, or CHROMIUM), and fails without. The local environment, the page and the
browser are on loopback.
"""

import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.local.ports import LOOPBACK, free_port
from tests.ops.running_service import LocalEnvironment

PAGE = """<!doctype html><title>An app</title><pre id="out">waiting</pre><script>
const ask = (query) => fetch("{api}/graphql", {{
  method: "POST",
  headers: {{"Content-Type": "application/json", "Authorization": "Bearer {token}"}},
  body: JSON.stringify({{query}}),
}});
(async () => {{
  const out = document.getElementById("out");
  try {{
    const meal = await (await ask('mutation {{ analyzeMealPhoto(photoUrl: "https://example.com/test.jpg", ' +
      'eatenAt: "2025-11-13T12:00:00Z") {{ position }} }}')).json();
    const position = meal.data.analyzeMealPhoto.position;
    const day = await ask('{{ dailySummary(date: "2025-11-13", minPosition: "' + position + '") {{ pendingCount }} }}');
    const id = day.headers.get("X-Request-ID");
    out.textContent = JSON.stringify(await day.json()) + (id ? " with an id" : " without an id");
  }} catch (error) {{
    out.textContent = "refused: " + error;
  }}
}})();
</script>"""


@contextmanager
def _served(page: str) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer((LOOPBACK, free_port()), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def _seen_by_browser(chromium: str, url: str, folder: Path) -> str:
    """What the page says in the end."""
    done = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}",
            "--virtual-time-budget=20000", "--dump-dom", url,
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
    return found[1] if found else done.stdout


def main() -> int:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("browser: Chromium is not here: install it, or set CHROMIUM to its path\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="browser") as name, LocalEnvironment(Path(name) / "data") as api:
        token = api.token("alice")
        failures = 0
        with _served(PAGE.format(api=api.url, token=token)) as port:
            for host, is_allowed in ((LOOPBACK, True), ("localhost", True), ("app.localhost", False)):
                seen = _seen_by_browser(chromium, f"http://{host}:{port}/", Path(name) / f"profile-{host}")
                expected = '{"data":{"dailySummary":{"pendingCount":' if is_allowed else "refused: "
                is_right = seen.startswith(expected) and (not is_allowed or seen.endswith(" with an id"))
                failures += not is_right
                sys.stdout.write(
                    f"{'ok    ' if is_right else 'failed'} a page of http://{host}:{port} sees {seen}\n"
                )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
