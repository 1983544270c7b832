"""The supervisor of `make run`, with a stand-in for the command `meal-ledger`: start, stop, and every way to die."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import pytest
from dotenv import dotenv_values
from pymongo import MongoClient

from ops.local.environment import folder
from ops.local.ports import LOOPBACK, answers, free_port
from tests.ops.local.processes import ROOT, eventually, is_alive

EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is what is tried

SCRIPT = Path(__file__).with_name("run_with_stand_in_command.py")


class Run:
    """One local environment in a process group of its own, as under a terminal."""

    started: ClassVar[list["Run"]] = []

    def __init__(
        self,
        data: Path,
        port: int | None = None,
        *,
        through_make: bool = False,
        arguments: Sequence[str] = (),
        **environ: str,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.journal = data.parent / f"{data.name}.journal"
        self.output = data.parent / f"{data.name}.{secrets.token_hex(4)}.output"
        command = [sys.executable, str(SCRIPT), "--port", str(self.port), "--data", str(data), *arguments]
        if through_make:
            makefile = data.parent / f"{data.name}.mk"
            makefile.write_text(f"run:\n\t@exec {' '.join(command)} --die-with-parent\n")
            command = ["make", "-f", str(makefile), "run"]
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=inherited | {"JOURNAL": str(self.journal)} | environ,
                start_new_session=True,
                cwd=ROOT,
            )
        Run.started.append(self)

    def text(self) -> str:
        return self.output.read_text()

    def ready(self) -> "Run":
        eventually(lambda: "Ctrl-C stops everything" in self.text() or self.process.poll() is not None, 90)
        assert "Ctrl-C stops everything" in self.text(), self.text()
        return self

    def end(self) -> int:
        return self.process.wait(60)

    def events(self) -> list[tuple[str, str, int]]:
        """Which command started or ended, in order, with its process id."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [(command, event, int(pid)) for command, event, pid in (line.split() for line in lines)]

    def story(self) -> list[str]:
        return [f"{command} {event}" for command, event, _ in self.events()]

    def processes(self) -> list[int]:
        """Every process that belongs to this environment: all hold its lock."""
        lock = os.stat(self.data / "children.lock")
        return [pid for pid in _all_processes() if _holds(pid, lock.st_ino)]

    def settings(self) -> dict[str, str | None]:
        return dict(dotenv_values(self.data / "local.env"))

    def gone(self) -> bool:
        return not self.processes()


def _all_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _holds(pid: int, inode: int) -> bool:
    try:
        return any(file.stat().st_ino == inode for file in Path(f"/proc/{pid}/fd").iterdir()) and is_alive(
            pid
        )
    except OSError:
        return False  # it has ended meanwhile


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Whatever a test that failed has left running is killed."""
    yield
    for run in Run.started:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.wait()
    for run in Run.started:
        if (run.data / "children.lock").exists():
            eventually(run.gone, 60)
    Run.started.clear()


def test_it_starts_says_ready_and_stops_in_order(tmp_path: Path) -> None:
    run = Run(tmp_path / "data").ready()
    lines = run.text().splitlines()
    assert f"ready http://127.0.0.1:{run.port}/graphql" in lines
    assert run.data.stat().st_mode & 0o777 == 0o700
    assert (run.data / "local.env").stat().st_mode & 0o777 == 0o600
    settings = run.settings()
    assert settings["APP_ENV"] == "local"
    assert settings["PORT"] == str(run.port)
    with MongoClient[dict[str, Any]](settings["MONGODB_URL"]) as client:
        assert client.admin.command("hello")["isWritablePrimary"]
    assert httpx.get(f"{settings['USDA_BASE_URL']}/foods/search").status_code == 403  # no key
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end() == 0
    assert [line for line in run.text().splitlines() if line.startswith("stopping")] == [
        "stopping the API",
        "stopping the projectors",
        "stopping the local food services",
        "stopping MongoDB",
    ]
    story = run.story()
    story.remove("serve starts")  # the API and the projectors start together
    assert story == ["init starts", "project starts", "serve ends", "project ends"]
    assert run.gone()


def test_the_first_query_can_be_pasted(tmp_path: Path, mongodb_url: str) -> None:
    run = Run(tmp_path / "data", MONGODB_URL=mongodb_url).ready()
    text = run.text()
    command = text[text.index("curl ") : text.index("Ctrl-C stops")]
    spoken = subprocess.run(
        ["/bin/sh", "-c", command.replace("curl ", "printf '%s\\n' ", 1)],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.splitlines()
    assert f"http://127.0.0.1:{run.port}/graphql" in spoken
    assert any(word.startswith("Authorization: Bearer ey") for word in spoken)
    assert "analyzeMealPhoto" in json.loads(spoken[-1])["query"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("whom", ["process", "group"])
@pytest.mark.parametrize("through_make", [False, True])
def test_a_signal_to_the_process_or_its_group_ends_everything(
    tmp_path: Path,
    mongodb_url: str,
    number: signal.Signals,
    whom: str,
    *,
    through_make: bool,
) -> None:
    run = Run(tmp_path / "data", through_make=through_make, MONGODB_URL=mongodb_url).ready()
    if whom == "group":
        os.killpg(run.process.pid, number)
    else:
        run.process.send_signal(number)
    code = run.end()
    eventually(run.gone)
    assert run.story()[-2:] == ["serve ends", "project ends"]
    assert "killing" not in run.text()
    assert through_make or code == 0


@pytest.mark.parametrize("through_make", [False, True])
@pytest.mark.parametrize("whom", ["process", "group"])
def test_a_kill_leaves_no_processes_and_loses_no_data(
    tmp_path: Path, whom: str, *, through_make: bool
) -> None:
    run = Run(tmp_path / "data", through_make=through_make).ready()
    settings = run.settings()
    with MongoClient[dict[str, Any]](settings["MONGODB_URL"], w="majority") as client:
        client.diary.meals.insert_one({"_id": 1})
    if whom == "group":
        os.killpg(run.process.pid, signal.SIGKILL)
    else:
        run.process.kill()
    assert run.end() == -signal.SIGKILL
    # At once, while the children of the first may still be ending.
    again = Run(tmp_path / "data", run.port).ready()
    assert again.settings()["AUTH_JWT_SECRET"] == settings["AUTH_JWT_SECRET"]
    with MongoClient[dict[str, Any]](again.settings()["MONGODB_URL"]) as client:
        assert client.diary.meals.find_one() == {"_id": 1}
    first = {pid for _, _, pid in run.events()} - set(again.processes())
    assert not [pid for pid in first if is_alive(pid)]
    again.process.send_signal(signal.SIGTERM)
    assert again.end() == 0
    assert again.gone()


def test_mongodb_keeps_its_port_in_a_folder_unless_taken(tmp_path: Path) -> None:
    addresses = []
    for _ in range(2):
        run = Run(tmp_path / "data").ready()
        addresses.append(run.settings()["MONGODB_URL"] or "")
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 0
    assert addresses[0] == addresses[1]
    port = urlsplit(addresses[0]).port
    assert isinstance(port, int)
    with socket.create_server((LOOPBACK, port)):
        run = Run(tmp_path / "data").ready()
        assert run.settings()["MONGODB_URL"] != addresses[0]


def test_two_side_by_side_do_not_collide(tmp_path: Path) -> None:
    one, two = (run.ready() for run in [Run(tmp_path / "one"), Run(tmp_path / "two")])
    assert one.settings()["MONGODB_URL"] != two.settings()["MONGODB_URL"]
    assert one.settings()["AUTH_JWT_SECRET"] != two.settings()["AUTH_JWT_SECRET"]
    one.process.send_signal(signal.SIGTERM)
    assert one.end() == 0
    assert two.process.poll() is None
    assert answers(two.port)


def test_a_folder_in_use_is_one_clear_line(tmp_path: Path, mongodb_url: str) -> None:
    first = Run(tmp_path / "data", MONGODB_URL=mongodb_url).ready()
    second = Run(tmp_path / "data", MONGODB_URL=mongodb_url)
    assert second.end() == 1
    [line] = second.text().splitlines()
    assert f"is in use by another local environment (process {first.process.pid})" in line
    assert answers(first.port)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        run = Run(tmp_path / "data", other.getsockname()[1])
        assert run.end() == 1
    [line] = run.text().splitlines()
    assert line.startswith(f"meal-ledger: port {run.port} cannot be used (Address already in use): ")
    assert not run.data.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "LOUD"),
        ("AUTH_JWT_SECRET", "short"),
        ("AUTH_JWT_SECRET", "'" * 32),
        ("MONGODB_URL", "nonsense"),
        ("OPENAI_API_KEY", "two words"),
    ],
)
def test_a_bad_setting_is_one_clear_line_before_anything_starts(
    tmp_path: Path, name: str, value: str
) -> None:
    setting: dict[str, Any] = {name: value}
    run = Run(tmp_path / "data", **setting)
    assert run.end() == 1
    [line] = run.text().splitlines()
    assert line.startswith(f"meal-ledger: {name}")
    assert value not in line
    assert "local.env" not in line
    assert not run.data.exists()


def test_a_bad_secret_of_a_former_run_names_its_file(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "local.env").write_text("AUTH_JWT_SECRET='short'\n")
    run = Run(data)
    assert run.end() == 1
    [line] = run.text().splitlines()
    assert line.startswith("meal-ledger: AUTH_JWT_SECRET: must be at least 32 bytes long")
    assert f"(from {data / 'local.env'};" in line


def test_the_key_set_of_a_deployment_is_no_obstacle(tmp_path: Path, mongodb_url: str) -> None:
    run = Run(
        tmp_path / "data", MONGODB_URL=mongodb_url, AUTH_JWKS_URL="https://id.example.com/jwks.json"
    ).ready()
    run.process.terminate()
    assert run.end() == 0


def test_an_empty_folder_name_means_the_default() -> None:
    assert folder("") == folder("var") == Path("var")


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_bad_port_is_one_clear_line(tmp_path: Path, port: str) -> None:
    command = [
        sys.executable,
        "-m",
        "ops.local.environment",
        "--port",
        port,
        "--data",
        str(tmp_path / "data"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"{port} is not a port" in line


def test_a_missing_library_is_one_clear_line(tmp_path: Path) -> None:
    mongod = tmp_path / "bin" / "mongod"
    mongod.parent.mkdir()
    mongod.write_text(
        "#!/bin/sh\necho 'mongod: error while loading shared libraries: libcurl.so.4: nowhere'; exit 127\n"
    )
    mongod.chmod(0o755)
    run = Run(tmp_path / "data", PATH=f"{mongod.parent}:{os.environ['PATH']}")
    assert run.end() == 1
    [_, line] = run.text().splitlines()
    assert line.startswith(f"meal-ledger: {mongod} cannot be loaded (exit code 127: libcurl.so.4: nowhere): ")
    assert run.gone()


@pytest.mark.parametrize("command", ["init", "project", "serve"])
def test_a_failing_child_ends_all_with_its_last_line(tmp_path: Path, mongodb_url: str, command: str) -> None:
    run = Run(tmp_path / "data", MONGODB_URL=mongodb_url, FAIL=command)
    assert run.end() == 1
    [line] = [line for line in run.text().splitlines() if line.startswith("meal-ledger: ")]
    assert " ended unexpectedly (exit code 1): the index cannot be made (log: " in line
    assert line.count("meal-ledger") == 1
    assert run.gone()


@pytest.mark.parametrize("command", ["project", "serve"])
def test_a_part_that_dies_is_started_again_once_and_then_ends_all(
    tmp_path: Path, mongodb_url: str, command: str
) -> None:
    run = Run(tmp_path / "data", MONGODB_URL=mongodb_url).ready()
    for deaths in (1, 2):
        eventually(partial(_has_started, run, command, deaths))
        victim = [pid for name, event, pid in run.events() if (name, event) == (command, "starts")][-1]
        os.kill(victim, signal.SIGKILL)
    assert run.end() == 1
    again, cause, *rest = run.text().partition("Ctrl-C stops everything.\n")[2].splitlines()
    assert again.endswith(f"ended unexpectedly (SIGKILL): see {_log_of(run, command)}; starting it again")
    assert cause.startswith("meal-ledger: ")
    assert f"ended unexpectedly (SIGKILL): see {run.data / 'logs'}" in cause
    assert rest
    assert all(line.startswith("stopping ") for line in rest)
    assert run.gone()


def _has_started(run: Run, command: str, times: int) -> bool:
    return run.story().count(f"{command} starts") == times


def _log_of(run: Run, command: str) -> Path:
    return run.data / "logs" / {"project": "projectors.log", "serve": "api.log"}[command]


def test_a_mongod_that_dies_is_started_again_on_its_port(tmp_path: Path) -> None:
    run = Run(tmp_path / "data").ready()
    url = run.settings()["MONGODB_URL"]
    [victim] = [pid for pid in run.processes() if Path(f"/proc/{pid}/comm").read_text() == "mongod\n"]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: "MongoDB ended unexpectedly (SIGKILL)" in run.text())
    with MongoClient[dict[str, Any]](url) as client:
        assert client.admin.command("ping")["ok"] == 1
    run.process.terminate()
    assert run.end() == 0
    assert run.gone()


def test_it_listens_where_it_is_asked_to_and_says_what_is_open(tmp_path: Path, mongodb_url: str) -> None:
    run = Run(tmp_path / "data", arguments=["--host", EVERYWHERE], MONGODB_URL=mongodb_url).ready()
    assert (
        f"the API listens on 0.0.0.0, port {run.port}: other machines reach it, in plain text" in run.text()
    )
    assert f"ready http://127.0.0.1:{run.port}/graphql" in run.text().splitlines()
    assert run.settings()["API_HOST"] == EVERYWHERE


@pytest.mark.parametrize("host", ["nowhere", "256.1.1.1", "::1"])
def test_a_host_that_is_none_is_one_clear_line(tmp_path: Path, host: str) -> None:
    run = Run(tmp_path / "data", arguments=["--host", host])
    assert run.end() == 2
    [line] = run.text().splitlines()
    assert f"{host} is no IPv4 address: 0.0.0.0 means all networks" in line


def test_a_second_control_c_hurries(tmp_path: Path, mongodb_url: str) -> None:
    run = Run(tmp_path / "data", MONGODB_URL=mongodb_url, DEAF="serve").ready()
    os.killpg(run.process.pid, signal.SIGINT)
    eventually(lambda: "stopping the API" in run.text())
    assert run.process.poll() is None
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.process.wait(20) == 0
    assert "killing the API: no end by itself in time" in run.text()
    assert run.story()[-1] == "project ends"
    assert run.gone()


def test_stopped_before_it_was_ready_it_does_not_claim_success(tmp_path: Path) -> None:
    run = Run(tmp_path / "data")
    eventually(lambda: "starting MongoDB" in run.text())
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 128 + signal.SIGTERM
    assert run.gone()
    assert "ready" not in run.text()


def test_real_services_are_used_where_both_keys_are_given(tmp_path: Path, mongodb_url: str) -> None:
    run = Run(
        tmp_path / "data", MONGODB_URL=mongodb_url, OPENAI_API_KEY="sk-mine", USDA_API_KEY="mine"
    ).ready()
    assert "food services" not in run.text()
    assert run.settings()["MONGODB_URL"] == mongodb_url
    assert "mine" not in (run.data / "local.env").read_text()


def test_a_closed_terminal_leaves_no_process_behind(tmp_path: Path, mongodb_url: str) -> None:
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), "--port", str(free_port()), "--data", str(tmp_path / "data")],
        stdout=writer,
        stderr=writer,
        env={"PATH": os.environ["PATH"], "JOURNAL": str(tmp_path / "journal"), "MONGODB_URL": mongodb_url},
        cwd=ROOT,
    ) as process:
        os.close(writer)
        os.close(reader)
        eventually(
            lambda: (tmp_path / "journal").exists() and "serve starts" in (tmp_path / "journal").read_text(),
            60,
        )
        process.terminate()
        process.wait(60)
    assert "project ends" in (tmp_path / "journal").read_text()
