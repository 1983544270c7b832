"""A stand-in for the command `meal-ledger`, for tests of the supervisor: it notes when it starts and ends.

Started as `python stand_in_command.py init | project | serve --host H --port P`; a line for each event goes to the
file JOURNAL. With FAIL=<command> in the environment that command fails; with DEAF=<command> it ignores SIGTERM.
"""

import http.server
import os
import signal
import sys
import threading
from pathlib import Path


def note(event: str) -> None:
    with Path(os.environ["JOURNAL"]).open("a", encoding="ascii") as journal:
        journal.write(f"{sys.argv[1]} {event} {os.getpid()}\n")


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        # As with the real command: not ready before the projectors are at work.
        at_work = "project starts" in Path(os.environ["JOURNAL"]).read_text(encoding="ascii")
        self.send_response(404 if self.path != "/readyz" else 200 if at_work else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


def main() -> None:
    command = sys.argv[1]
    ended = threading.Event()
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN if os.environ.get("DEAF") == command else lambda *_: ended.set()
    )
    note("starts")
    if os.environ.get("FAIL") == command:
        sys.exit("it went wrong\nthe index cannot be made")
    if command == "init":
        return
    if command == "serve":
        server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Ready)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    while not ended.wait(0.1):
        pass
    note("ends")


if __name__ == "__main__":
    main()
