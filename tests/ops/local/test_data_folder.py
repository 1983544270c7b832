"""One local environment at a time in a folder."""

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from ops.local.data_folder import DataFolder, DataFolderUnusable


def nothing() -> None:
    pass


def test_it_is_created_for_its_owner_only(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "data")
    with folder.claimed(nothing):
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert folder.log("api").parent.is_dir()


def test_a_second_one_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    with (
        DataFolder(tmp_path).claimed(nothing),
        pytest.raises(
            DataFolderUnusable, match=rf"is in use by another local environment \(process {os.getpid()}\)"
        ),
        DataFolder(tmp_path).claimed(nothing),
    ):
        pytest.fail("both hold the folder")


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with DataFolder(tmp_path).claimed(nothing):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_files_of_a_crash_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("99999999\n")
    (tmp_path / "children.lock").touch()
    with DataFolder(tmp_path).claimed(nothing):
        pass


def test_children_that_outlived_a_former_run_are_waited_for(tmp_path: Path) -> None:
    with DataFolder(tmp_path).claimed(nothing) as claim:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[claim.children_lock])
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            child.kill()
            child.wait()

    with DataFolder(tmp_path).claimed(look):
        assert looks >= 3


def test_one_that_is_ending_is_waited_for(tmp_path: Path) -> None:
    with ExitStack() as former:
        former.enter_context(DataFolder(tmp_path).claimed(nothing)).announce_end()
        looks = 0

        def look() -> None:
            nonlocal looks
            looks += 1
            if looks == 3:
                former.close()

        with DataFolder(tmp_path).claimed(look):
            assert looks == 3
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_waiting_for_such_children_has_an_end(tmp_path: Path) -> None:
    with DataFolder(tmp_path).claimed(nothing) as claim:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[claim.children_lock])
    try:
        with (
            pytest.raises(DataFolderUnusable, match="processes of a former run still use"),
            DataFolder(tmp_path).claimed(nothing, timeout=0.2),
        ):
            pytest.fail("the folder is in use")
    finally:
        child.kill()
        child.wait()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataFolderUnusable, match=r"cannot be used \(Not a directory\): choose another folder"),
        DataFolder(tmp_path / "file" / "data").claimed(nothing),
    ):
        pytest.fail("there is no such folder")


def test_one_former_log_is_kept(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    for run in ("first", "second", "third"):
        with folder.claimed(nothing):
            assert not folder.log("api").exists()
            folder.log("api").write_text(run)
    assert sorted(file.name for file in folder.logs.iterdir()) == ["api.log", "api.log.1"]
    assert (folder.logs / "api.log.1").read_text() == "second"


def test_the_port_of_mongodb_is_remembered(tmp_path: Path) -> None:
    assert DataFolder(tmp_path).mongodb_port is None
    DataFolder(tmp_path).remember_mongodb_port(12_345)
    assert DataFolder(tmp_path).mongodb_port == 12_345


@pytest.mark.parametrize("content", [b"", b"none", b"0", b"70000", b"\xff\xfe"])
def test_a_remembered_port_that_is_none_is_forgotten(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mongodb.port").write_bytes(content)
    assert DataFolder(tmp_path).mongodb_port is None


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.require_space(1)
    with pytest.raises(
        DataFolderUnusable, match=r"only \d+ MB are free there, and MongoDB needs \d+: free some, or"
    ):
        folder.require_space(2**62)
