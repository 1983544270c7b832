"""`make install` names an unusable Python in one line, and does nothing when nothing changed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def install(python: str, venv: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "ops/install.sh", python, str(venv)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )


def a_python(file: Path, *, version: str = "3.12.1", recent: bool = True, venv: bool = True) -> str:
    """Something that answers the script's questions as that Python would, and can do nothing else."""
    file.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f'*print*) echo "{version}" ;;\n'
        f"*sys.exit*) exit {0 if recent else 1} ;;\n"
        f"*ensurepip*) exit {0 if venv else 1} ;;\n"
        '*) echo "asked for $*" >&2; exit 9 ;;\n'
        "esac\n"
    )
    file.chmod(0o755)
    return str(file)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    return line


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "no python9 found: install Python 3.11 or later" in refusal(install("python9", tmp_path / "venv"))


def test_a_too_old_python_is_named_with_version(tmp_path: Path) -> None:
    python = a_python(tmp_path / "python3", version="3.10.13", recent=False)
    assert "is Python 3.10.13; Python 3.11 or later is needed" in refusal(install(python, tmp_path / "venv"))


def test_a_missing_venv_module_is_named(tmp_path: Path) -> None:
    python = a_python(tmp_path / "python3", venv=False)
    assert "has no venv module: install it" in refusal(install(python, tmp_path / "venv"))
    assert not (tmp_path / "venv").exists()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """An environment that carries the stamp of a finished installation."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    stamped = subprocess.run(
        ["sh", "-c", "cat requirements-all.txt pyproject.toml | cksum"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.strip()
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / ".installed").write_text(f"Python {version} in {ROOT}, {stamped}\n")
    return venv


def test_nothing_is_done_when_nothing_changed(installed: Path) -> None:
    done = install(sys.executable, installed)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert os.listdir(installed) == [".installed"]


def test_another_python_replaces_the_environment(installed: Path, tmp_path: Path) -> None:
    done = install(a_python(tmp_path / "python3"), installed)
    assert done.returncode == 9
    assert f"asked for -m venv --clear {installed}" in done.stderr
