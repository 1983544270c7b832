"""A deployment as processes of its own: `init`, `serve` and `project`, each with its environment."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx

from ops.local.ports import free_port
from ops.stand_ins.food_services import FoodServiceAddresses
from tests.ops.local.processes import eventually
from tests.ops.running_service import Client, meal_ledger, start


def service_env(mongodb_url: str, database: str, food_services_port: int) -> dict[str, str]:
    """The settings of one deployment, with a free port of its own."""
    addresses = FoodServiceAddresses(food_services_port)
    return {
        "APP_ENV": "test",
        "MONGODB_URL": mongodb_url,
        "MONGODB_DATABASE": database,
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": addresses.openai_base_url,
        "USDA_API_KEY": "key",
        "USDA_BASE_URL": addresses.usda_base_url,
        "OPENFOODFACTS_SEARCH_URL": addresses.openfoodfacts_search_url,
        "ANALYSIS_DEADLINE_SECONDS": "2",
        "AUTH_JWT_SECRET": "a secret of more than thirty-two bytes",
        "AUTH_ISSUER": "tests",
        "AUTH_AUDIENCE": "meal-ledger",
        "PORT": str(free_port()),
    }


class Deployment:
    """Starts commands; whatever still runs at the end is killed. Their output is in `folder`."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self.env = dict(env)
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def init(self, **changes: str) -> None:
        done = meal_ledger("init", env=self.env | changes)
        assert done.returncode == 0, done.stderr

    def launch(self, command: str, **changes: str) -> subprocess.Popen[bytes]:
        """Start `serve` or `project`, with some settings changed."""
        self._started.append(start("ops.cli", command, env=self.env | changes, output=self.output(command)))
        return self._started[-1]

    def output(self, command: str) -> Path:
        return self._folder / f"{command}.log"

    def ready(self, timeout: float = 60.0) -> None:
        """Wait for /readyz; fails with the output of a process that has ended."""
        eventually(lambda: self.is_ready() or self._ended(), timeout)
        assert not self._ended(), "".join(file.read_text() for file in self._folder.glob("*.log"))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['PORT']}"

    def token(self, user: str = "alice") -> str:
        local = {"APP_ENV": "local", "DATA": "/nowhere"}
        token = meal_ledger("token", "--user", user, env=self.env | local)
        assert token.returncode == 0, token.stderr
        return token.stdout.strip()

    def client(self, user: str = "alice") -> Client:
        return Client(self.url, self.token(user))

    def is_ready(self) -> bool:
        try:
            response = httpx.get(f"{self.url}/readyz")
        except httpx.TransportError:
            return False
        return response.status_code == 200 and "degraded  projector" not in response.text

    def _ended(self) -> bool:
        return any(process.poll() not in {None, -9} for process in self._started)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.kill()
            process.wait()
