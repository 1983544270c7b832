"""Files of NAME='value' lines, readable by python-dotenv and by a shell."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from ops.errors import OperatorError


class BadEnvFile(OperatorError):
    """A value cannot be written to the file, or the file cannot be read."""


def read_env_file(file: Path) -> dict[str, str]:
    """The values in `file`, none if there is no such file."""
    try:
        values = dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise BadEnvFile(f"{file} cannot be read ({error}): remove it, and it is written again") from None
    return {name: value for name, value in values.items() if value is not None}


def write_env_file(file: Path, values: Mapping[str, str]) -> None:
    """Replace `file` at once by one that only its owner can read (mode 0600).

    Raises BadEnvFile, naming the variable, for a value that would be read differently from how it is written.
    """
    lines = env_lines(values)
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        output.writelines(lines)
        output.flush()
        os.fsync(descriptor)
    new.replace(file)


def env_lines(values: Mapping[str, str]) -> list[str]:
    """The lines of such a file. Raises BadEnvFile, as write_env_file does."""
    return [f"{name}='{_plain(name, value)}'\n" for name, value in sorted(values.items())]


def _plain(name: str, value: str) -> str:
    if not value.isprintable() or "'" in value or "\\" in value or "${" in value:
        raise BadEnvFile(
            f"{name} holds a quote, a backslash, a control character or ${{: write it percent-encoded"
        )
    return value
