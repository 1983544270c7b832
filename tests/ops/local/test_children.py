"""Children end when their parent ends, however that happens."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from ops.local.children import last_log_line, start_child
from tests.ops.local.processes import ROOT, eventually, is_alive

PARENT = """
import signal, sys
from pathlib import Path
from ops.local.children import start_child
child = start_child(["sleep", "60"], log=Path(sys.argv[1]))
print(child.pid, flush=True)
signal.pause()
"""


def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, cwd=ROOT
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        eventually(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
        parent.kill()
    eventually(lambda: not is_alive(child))


def test_a_child_has_its_own_session_and_no_input(tmp_path: Path) -> None:
    child = start_child(["cat"], log=tmp_path / "log")
    assert os.getsid(child.pid) == child.pid
    assert child.wait(10) == 0


def test_a_child_gets_the_environment_the_log_and_the_descriptors(tmp_path: Path) -> None:
    read, write = os.pipe()
    command = ["/bin/sh", "-c", f"echo $WORD; echo oops >&2; echo down >/dev/fd/{write}"]
    child = start_child(command, log=tmp_path / "log", env={"WORD": "hello"}, keep_open=[write])
    assert child.wait(10) == 0
    os.close(write)
    with os.fdopen(read) as pipe:
        assert pipe.read() == "down\n"
    assert (tmp_path / "log").read_text() == "hello\noops\n"


def test_a_program_has_the_usual_signals(tmp_path: Path) -> None:
    child = start_child(["sleep", "60"], log=tmp_path / "log")
    try:
        eventually(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n")
        status = Path(f"/proc/{child.pid}/status").read_text()
        ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
        assert not ignored >> (signal.SIGPIPE - 1) & 1
    finally:
        child.kill()
        child.wait()


def test_a_command_that_cannot_be_run_says_so(tmp_path: Path) -> None:
    child = start_child(["/nowhere/mongod"], log=tmp_path / "log")
    assert child.wait(10) == 1
    assert last_log_line(tmp_path / "log") == "/nowhere/mongod: No such file or directory"


def test_the_last_line_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_log_line(log) == "it left no log"
    log.write_text("\n \n")
    assert last_log_line(log) == "it said nothing"
    log.write_bytes(b"x" * 100_000 + b"\nthe end \xff\n\n")
    assert last_log_line(log) == "the end �"
    log.write_text("y" * 1000)
    assert last_log_line(log, 10) == "y" * 10
