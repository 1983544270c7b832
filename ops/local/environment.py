"""The local environment: everything that `make run` starts, under one supervisor in the foreground.

    python -m ops.local.environment [--host 127.0.0.1] [--port 8000] [--data var] [--die-with-parent]

It starts MongoDB (unless MONGODB_URL is set), the local food services (for each outside service whose key is
absent), the projectors and the API, in this order, and stops them in the opposite one. README, "Start".
"""

import argparse
import ipaddress
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.errors import OperatorError
from ops.local.data_folder import DataFolder
from ops.local.env_file import env_lines, read_env_file, write_env_file
from ops.local.first_query import first_query
from ops.local.local_values import child_environment, local_values, stand_ins
from ops.local.mongod import LocalMongod
from ops.local.pdeathsig_exec import die_with
from ops.local.ports import LOOPBACK, answers, free_port, require_free
from ops.local.readiness import Readiness
from ops.local.stop_signals import StopRequested, StopSignals
from ops.local.supervisor import Supervisor
from ops.local.terminal import say
from ops.settings import DEFAULT_DATA, check_settings
from ops.stand_ins.food_services import FoodServiceAddresses

# How long each may take to end, in seconds: the API finishes analyses under way (their deadline is 30 s).
_API_GRACE = 45.0
_PROJECTORS_GRACE = 20.0
_FOOD_SERVICES_GRACE = 15.0
_MONGODB_GRACE = 60.0

_START_TIMEOUT = 60.0
_EVERYWHERE = frozenset({"0.0.0.0"})  # noqa: S104 - it is what the user asked for

MEAL_LEDGER = (sys.executable, "-m", "ops.cli")


class AlreadyReported(Exception):
    """The environment cannot go on; the cause has been said."""


class LocalEnvironment:
    """One local environment: its folder, its port, the user's own variables, and the command it runs."""

    def __init__(
        self,
        data: Path,
        *,
        host: str,
        port: int,
        environ: Mapping[str, str],
        stop: StopSignals,
        meal_ledger: Sequence[str],
    ) -> None:
        self._folder = DataFolder(data)
        self._host = host
        self._port = port
        self._environ = environ
        self._stop = stop
        self._meal_ledger = meal_ledger
        self.has_been_ready = False

    def run(self) -> None:
        """Start everything and watch it.

        Raises StopRequested when told to stop, OperatorError when nothing could be started, AlreadyReported when it
        could not go on. Nothing that it started runs any more when it ends, however it ends.
        """
        self._check_settings()
        if self._folder.is_new:
            require_free(self._port)  # a refusal leaves no folder behind
        with (
            self._folder.claimed(self._stop.check) as claim,
            Supervisor(self._stop, keep_open=[claim.children_lock], report=say) as supervisor,
        ):
            try:
                # A former run on this folder, which may have had the port, has ended now.
                require_free(self._port)
                self._folder.require_space()
                self._start_all(supervisor, claim.children_lock)
                supervisor.watch()
            except OperatorError as error:
                say(f"meal-ledger: {error}")  # before what still runs is stopped, which may take a while
                raise AlreadyReported from error
            finally:
                claim.announce_end()

    def _check_settings(self) -> None:
        """Raise OperatorError for settings with which the service would not start, whatever the addresses."""
        values = local_values(
            self._environ,
            read_env_file(self._folder.env_file),
            host=self._host,
            port=self._port,
            mongodb_url=self._environ.get("MONGODB_URL") or f"mongodb://{LOOPBACK}",
            food_addresses=FoodServiceAddresses(self._port),
        )
        env_lines(values)
        without_jwks = {"AUTH_JWKS_URL": ""}  # no child gets it
        check_settings(values | without_jwks, self._folder.env_file)

    def _start_all(self, supervisor: Supervisor, children_lock: int) -> None:
        values = local_values(
            self._environ,
            read_env_file(self._folder.env_file),
            host=self._host,
            port=self._port,
            mongodb_url=self._environ.get("MONGODB_URL") or self._start_mongodb(supervisor, children_lock),
            food_addresses=self._start_food_services(supervisor),
        )
        write_env_file(self._folder.env_file, values)
        self._start_service(supervisor, child_environment(self._environ, values, str(self._folder.path)))
        self.has_been_ready = True
        if self._host != LOOPBACK:
            say(what_is_open(self._host, self._port))
        address = f"{_reached_at(self._host)}:{self._port}"
        say(f"ready http://{address}/graphql\n{first_query(address, values)}", sys.stdout)

    def _start_mongodb(self, supervisor: Supervisor, children_lock: int) -> str:
        say("starting MongoDB")
        server = LocalMongod(
            self._folder.mongodb,
            usual_port=self._folder.mongodb_port,
            log=self._folder.log("mongodb"),
            keep_open=[children_lock],
        )
        server.start(_START_TIMEOUT, while_waiting=supervisor.check)
        supervisor.add(
            server,
            grace=_MONGODB_GRACE,
            start_again=lambda: server.start(_START_TIMEOUT, while_waiting=self._stop.check),
        )
        self._folder.remember_mongodb_port(server.port)
        return server.url

    def _start_food_services(self, supervisor: Supervisor) -> FoodServiceAddresses | None:
        """The addresses of the local food services, which run in a process of their own; None if none is needed."""
        if not stand_ins(self._environ).any:
            return None
        say("starting the local food services")
        port = free_port()
        supervisor.start(
            "the local food services",
            [sys.executable, "-m", "ops.stand_ins.food_services", "--port", str(port)],
            log=self._folder.log("food-services"),
            env=self._environ,
            grace=_FOOD_SERVICES_GRACE,
        )
        supervisor.wait_until(lambda: answers(port), "the local food services do not answer", _START_TIMEOUT)
        return FoodServiceAddresses(port)

    def _start_service(self, supervisor: Supervisor, env: Mapping[str, str]) -> None:
        supervisor.run(
            "the command init",
            [*self._meal_ledger, "init"],
            log=self._folder.log("init"),
            env=env,
            timeout=_START_TIMEOUT,
        )
        say("starting the projectors and the API")
        supervisor.start(
            "the projectors",
            [*self._meal_ledger, "project"],
            log=self._folder.log("projectors"),
            env=env,
            grace=_PROJECTORS_GRACE,
        )
        supervisor.start(
            "the API",
            [*self._meal_ledger, "serve", "--host", self._host, "--port", str(self._port)],
            log=self._folder.log("api"),
            env=env,
            grace=_API_GRACE,
        )
        readiness = Readiness(self._port, _reached_at(self._host))
        supervisor.wait_until(
            readiness, f"the API is not ready, see {self._folder.log('api')},", _START_TIMEOUT
        )


def what_is_open(host: str, port: int) -> str:
    """What a person should know who listens on more than this machine."""
    return (
        f"the API listens on {host}, port {port}: other machines reach it, in plain text, with a token of this "
        "environment; MongoDB and the local food services stay on this machine"
    )


def _reached_at(host: str) -> str:
    """The address at which this machine reaches what listens on `host`."""
    return LOOPBACK if host in _EVERYWHERE else host


def main(arguments: Sequence[str] | None = None, meal_ledger: Sequence[str] = MEAL_LEDGER) -> int:
    """Run until told to stop. The exit code is 0 if it was ready and then stopped in order."""
    try:
        options = _options(arguments)
    except argparse.ArgumentError as error:
        say(f"meal-ledger: {error}")
        return 2
    parent = os.getppid() if options.die_with_parent else None
    stop = StopSignals(parent)
    environment = LocalEnvironment(
        options.data,
        host=options.host,
        port=options.port,
        environ=os.environ,
        stop=stop,
        meal_ledger=meal_ledger,
    )
    try:
        if parent is not None:
            die_with(parent, signal.SIGTERM)
        environment.run()
    except (StopRequested, ProcessLookupError):
        return 0 if environment.has_been_ready else 128 + stop.number
    except OperatorError as error:
        say(f"meal-ledger: {error}")
        return 1
    except AlreadyReported:
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ops.local.environment",
        description=(__doc__ or "").splitlines()[0],
        exit_on_error=False,
    )
    parser.add_argument(
        "--host",
        type=_host,
        default=LOOPBACK,
        help="where the API listens: 0.0.0.0 for all networks (%(default)s, also if empty)",
    )
    parser.add_argument("--port", type=_port, default=8000, help="port of the API (%(default)s)")
    parser.add_argument(
        "--data",
        type=folder,
        default=Path(DEFAULT_DATA),
        help="folder for data and logs (%(default)s, also if empty)",
    )
    parser.add_argument(
        "--die-with-parent", action="store_true", help="stop when the process that started this one ends"
    )
    return parser.parse_args(arguments)


def folder(text: str) -> Path:
    """The folder that is meant, `var` when none is named, as for every command."""
    return Path(text or DEFAULT_DATA)


def _host(text: str) -> str:
    """The address that is meant: this machine's own when none is named."""
    try:
        return str(ipaddress.IPv4Address(text or LOOPBACK))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no IPv4 address: 0.0.0.0 means all networks") from None


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: choose one from 1 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
