"""The command `meal-ledger`, as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from ops.local.env_file import write_env_file

ROOT = Path(__file__).parents[2]
SECRET = "0123456789abcdef0123456789abcdef"
LOCAL = {
    "APP_ENV": "local",
    "MONGODB_URL": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100",
    "AUTH_JWT_SECRET": SECRET,
    "AUTH_ISSUER": "meal-ledger-local",
    "AUTH_AUDIENCE": "meal-ledger",
}


def meal_ledger(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA": "/nowhere"} | environ,
        timeout=60,
    )


@pytest.mark.parametrize("command", [[], ["serve"], ["project"], ["init"], ["token"], ["smoke"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    done = meal_ledger(*command, "--help")
    assert done.returncode == 0
    assert not done.stderr
    assert "--help" in done.stdout


def test_without_a_command_it_explains_itself() -> None:
    done = meal_ledger()
    assert done.returncode == 0
    assert "serve" in done.stdout
    assert not done.stderr


def test_the_version_is_printed_bare() -> None:
    done = meal_ledger("--version")
    assert done.returncode == 0
    assert len(done.stdout.split()) == 1


@pytest.mark.parametrize("command", [["serve"], ["project"], ["init"]])
def test_a_missing_setting_stops_the_start_with_one_line(command: list[str]) -> None:
    done = meal_ledger(*command)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("meal-ledger: settings are missing: MONGODB_URL")


def test_a_bad_setting_is_one_line_without_its_value() -> None:
    done = meal_ledger("project", MONGODB_URL="hunter2", MONGODB_DRIVER="hunter2")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("meal-ledger: MONGODB_URL: must start with")
    assert "MONGODB_DRIVER" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], "No such command 'nope'"),
        (["token"], "Missing option '--user'"),
        (["serve", "--port", "70000"], "--port"),
    ],
)
def test_a_wrong_use_is_one_line(arguments: list[str], words: str) -> None:
    done = meal_ledger(*arguments)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert words in line


def test_a_token_is_printed_bare_from_the_settings_in_data(tmp_path: Path) -> None:
    write_env_file(tmp_path / "local.env", LOCAL)
    done = meal_ledger(
        "token", "--user", "alice", "--role", "analyst", "--role", "operator", DATA=str(tmp_path)
    )
    assert done.returncode == 0
    token = done.stdout.removesuffix("\n")
    claims = jwt.decode(
        token, SECRET, algorithms=["HS256"], audience="meal-ledger", issuer="meal-ledger-local"
    )
    assert claims["sub"] == "alice"
    assert claims["roles"] == ["analyst", "operator"]


def test_a_token_without_a_local_environment_says_what_to_do() -> None:
    done = meal_ledger("token", "--user", "alice")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "start `make run` first" in line


def test_a_database_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    write_env_file(tmp_path / "local.env", LOCAL)
    done = meal_ledger("init", DATA=str(tmp_path))
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line.startswith(
        f"meal-ledger: MongoDB cannot be used at the MONGODB_URL that comes from {tmp_path}/local.env"
    )
    assert f"`make run` is not running for DATA={tmp_path} " in line
    assert "Traceback" not in done.stderr


def test_an_environment_database_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    write_env_file(tmp_path / "local.env", LOCAL)
    done = meal_ledger("init", DATA=str(tmp_path), MONGODB_URL=LOCAL["MONGODB_URL"])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("meal-ledger: MongoDB (MONGODB_URL) cannot be used: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"AUTH_ISSUER='\xff\xfe'\n", "local.env: is no text (UTF-8): remove it"),
        (b"AUTH_JWT_SECRET='short'\n", "AUTH_JWT_SECRET: must be at least 32 bytes long (from "),
    ],
)
def test_a_bad_file_of_the_local_environment_is_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "local.env").write_bytes(content)
    done = meal_ledger("token", "--user", "alice", DATA=str(tmp_path))
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert words in line
    assert str(tmp_path / "local.env") in line


def test_an_empty_token_is_one_line() -> None:
    done = meal_ledger("smoke", "--url", "http://127.0.0.1:1", "--token", "")
    assert done.returncode == 1
    assert not done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith("meal-ledger: the token is empty: ")


def test_init_says_what_it_ensured_and_may_be_repeated(
    tmp_path: Path, mongodb_url: str, mongodb_database: str
) -> None:
    write_env_file(
        tmp_path / "local.env", LOCAL | {"MONGODB_URL": mongodb_url, "MONGODB_DATABASE": mongodb_database}
    )
    first, second = (meal_ledger("init", DATA=str(tmp_path)) for _ in range(2))
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert first.stdout.strip()


def test_a_defect_is_logged_with_secrets_masked(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import ops.tokens\n"
        "def issue_token(*_): raise RuntimeError('mongodb://u:hunter2@db')\n"
        "ops.tokens.issue_token = issue_token\n"
    )
    done = meal_ledger("token", "--user", "alice", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert done.returncode == 1
    assert "command_failed" in done.stderr
    assert "RuntimeError" in done.stderr
    assert "hunter2" not in done.stderr
