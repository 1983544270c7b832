"""The local food services as a process: one port, quiet, gone when told to go."""

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from ops.stand_ins.food_services import FoodServiceAddresses, LocalFoodServices, food_services_app
from tests.fault_server import FaultyServer


def _start(port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "ops.stand_ins.food_services", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/livez").raise_for_status()
        except httpx.ConnectError:
            time.sleep(0.02)  # a poll of another process, bounded by the deadline above
        else:
            return
    pytest.fail(f"no answer; exit code {process.poll()}")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_in_silence_until_stopped(ending: signal.Signals) -> None:
    port = _free_port()
    with _start(port) as process:
        _wait_until_it_answers(f"http://127.0.0.1:{port}", process)
        process.send_signal(ending)
        said, complained = process.communicate(timeout=10)
    assert (process.returncode, said, complained) == (0, "", "")


def test_a_taken_port_is_one_clear_line_and_a_failure(food_services: LocalFoodServices) -> None:
    with _start(food_services.port) as process:
        said, complained = process.communicate(timeout=20)
    assert (process.returncode, said) == (1, "")
    assert complained == (
        f"cannot serve on port {food_services.port}: Address already in use; choose another with --port\n"
    )


@pytest.mark.parametrize("port", [0, 70000])
def test_an_impossible_port_is_one_clear_line(port: int) -> None:
    with _start(port) as process:
        _, complained = process.communicate(timeout=20)
    assert process.returncode == 1
    assert complained == f"cannot serve on port {port}: choose one from 1 to 65535 with --port\n"


def test_two_do_not_collide_and_stopping_frees_the_port(
    food_services: LocalFoodServices,
) -> None:
    with LocalFoodServices() as second:
        assert second.port != food_services.port
        assert httpx.get(f"{second.url}/livez").json() == {"status": "ok"}
    assert not second.is_running
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{second.url}/livez")
    with LocalFoodServices(second.port) as again:
        assert httpx.get(f"{again.url}/livez").status_code == 200


def test_stopping_does_not_wait_for_idle_clients() -> None:
    services = LocalFoodServices().start()
    with httpx.Client() as client:
        client.get(f"{services.url}/livez")
        began = time.monotonic()
        services.stop()
        services.stop()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "path", ["/livez", "/fdc/v1/food/9001123", "/off/api/v2/product/1", "/openai/v1/x", "/"]
)
def test_every_answer_says_where_it_comes_from(food_services: LocalFoodServices, path: str) -> None:
    assert httpx.get(f"{food_services.url}{path}").headers["x-local-environment"] == "true"


def test_the_services_can_stand_behind_scripted_faults() -> None:
    with FaultyServer(food_services_app()) as server:
        addresses = FoodServiceAddresses(server.port)
        server.answer(429, headers={"Retry-After": "3"})
        url = f"{addresses.usda_base_url}/foods/search"
        asked = {"query": "egg whole raw fresh", "api_key": "local"}
        limited, found = httpx.get(url, params=asked), httpx.get(url, params=asked)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
    assert found.json()["foods"][0]["fdcId"] == 9001123


def test_an_answer_does_not_wait_for_the_clients_acknowledgement(food_services: LocalFoodServices) -> None:
    """Without TCP_NODELAY every answer on a connection in use takes the kernel's 40 ms of delayed acknowledgement."""
    seconds = []
    with httpx.Client() as client:
        for _ in range(40):
            began = time.perf_counter()
            client.get(f"{food_services.url}/livez")
            seconds.append(time.perf_counter() - began)
    assert min(seconds[20:]) < 0.03
