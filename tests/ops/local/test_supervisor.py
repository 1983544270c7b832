"""Logs of parts that run for long."""

from pathlib import Path

from ops.local.supervisor import move_aside_if_long


def test_a_long_log_is_moved_aside_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with log.open("ab", buffering=0) as written:
        written.write(b"x" * 100)
        move_aside_if_long(log, longest=100)
        assert log.stat().st_size == 100
        written.write(b"y")
        move_aside_if_long(log, longest=100)
        written.write(b"z")
    assert (tmp_path / "api.log.1").read_bytes() == b"x" * 100 + b"y"
    assert log.read_bytes() == b"z"


def test_a_log_that_is_not_there_is_no_matter(tmp_path: Path) -> None:
    move_aside_if_long(tmp_path / "none.log")
