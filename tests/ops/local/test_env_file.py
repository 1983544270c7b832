"""The file with the settings of a local environment."""

import subprocess
from pathlib import Path

import pytest

from ops.local.env_file import BadEnvFile, read_env_file, write_env_file

VALUES = {
    "URL": "mongodb://127.0.0.1:1/?replicaSet=x&a=b#c",
    "EMPTY": "",
    "SECRET": 'a "b" $HOME `id` $(id) é',
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_env_file(tmp_path / "local.env", VALUES)
    assert read_env_file(tmp_path / "local.env") == VALUES


def test_a_shell_reads_the_same(tmp_path: Path) -> None:
    write_env_file(tmp_path / "local.env", VALUES)
    script = f'. {tmp_path}/local.env; printf \'%s|\' "$URL" "$EMPTY" "$SECRET"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split("|")[:3] == list(VALUES.values())


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "local.env"
    file.write_text("SECRET='old'\n")
    file.chmod(0o644)
    write_env_file(file, {"SECRET": "new"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("value", ["it's", "a\nb", "a\\b", "a${HOME}", "a\x00b"])
def test_a_value_that_would_be_read_differently_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "local.env"
    write_env_file(file, {"URL": "old"})
    with pytest.raises(BadEnvFile, match=r"^URL holds a quote"):
        write_env_file(file, {"URL": value})
    assert read_env_file(file) == {"URL": "old"}


def test_no_file_has_no_values(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / "local.env") == {}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "local.env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadEnvFile, match="cannot be read"):
        read_env_file(tmp_path / "local.env")
