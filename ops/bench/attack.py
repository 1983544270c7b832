"""How long others wait while one client attacks: `/livez` and a small query, at rest and under each attack, in one run.

    python -m ops.bench.attack [--seconds 5]

It starts the local environment in a folder of its own and attacks it over loopback, each attack for some seconds. The
goal is a p99 of `/livez` within 50 ms of that at rest.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import httpx

from api.graphql.opaque_tokens import encode_position
from ops.local.ports import LOOPBACK, free_port

_EVERY_SECONDS = 0.02
_MEALS = 100
_PAGE = """{ mealHistory(first: 100) { edges { cursor node {
  id status dishName notes photoUrl eatenAt timeZone localDate confidence createdAt updatedAt
  totals { calories protein carbs fat fiber sugar sodium complete } warnings { code message }
  entries { id name quantityG confidence nutrients { calories protein carbs fat fiber sugar sodium complete }
            provenance { source sourceId dataType foodName } } } } } }"""
_SMALL = "{ mealHistory(first: 1) { edges { node { id } } } }"
_ANALYZE = 'mutation { analyzeMealPhoto(photoUrl: "https://example.com/test.jpg") { position } }'


class Target:
    """The service under attack, and the client whose token the attacker has."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.http = httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{port}", headers=self.headers, timeout=60, limits=httpx.Limits()
        )

    async def ask(self, query: str) -> None:
        await self.send(json.dumps({"query": query}).encode())

    async def send(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        with suppress(httpx.TransportError):
            await self.http.post("/graphql", content=body, headers=headers)


async def _nothing(_: Target) -> None:
    await asyncio.sleep(1)


async def _endless_chunks(target: Target) -> None:
    """One-byte chunks without end on a request that needs no body."""
    reader, writer = await asyncio.open_connection(LOOPBACK, target.port)
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"1\r\nx\r\n" * 500)
                await writer.drain()
                await asyncio.sleep(0)
    finally:
        writer.close()


async def _nested_lists(target: Target) -> None:
    lists = "[" + "[]," * 300_000 + "[]]"
    await target.send(f'{{"query": "{{ __typename }}", "variables": {{"x": {lists}}}}}'.encode())


async def _new_documents(target: Target) -> None:
    """Documents of nearly 2,000 characters, none of which was seen before."""
    name = f"a{perf_counter():.9f}".replace(".", "")
    fields = " ".join(f"{name}{number}: __typename" for number in range(39))
    await target.ask("{ " + fields + " " + "__typename " * 60 + "}")


async def _full_pages(target: Target) -> None:
    await target.ask(_PAGE)


async def _made_up_positions(target: Target) -> None:
    """Positions that the log does not hold."""
    position = encode_position(1_000_000_000)
    summaries = " ".join(
        f'a{day}: dailySummary(date: "2026-01-{day:02}", minPosition: "{position}") {{ mealCount }}'
        for day in range(1, 29)
    )
    await target.ask("{ " + summaries + " }")


async def _garbage_tokens(target: Target) -> None:
    await target.send(b"{}", {"Authorization": "Bearer e30.e30.x"})


async def _analyses(target: Target) -> None:
    await target.ask(_ANALYZE)


ATTACKS: dict[str, tuple[int, Callable[[Target], Awaitable[None]]]] = {
    "at rest": (1, _nothing),
    "5 connections of endless chunks": (5, _endless_chunks),
    "1 MB of lists in variables, 4 at once": (4, _nested_lists),
    "new documents of 2,000 characters, 8 at once": (8, _new_documents),
    "full history pages, 10 at once": (10, _full_pages),
    "28 summaries at bad positions, 8 at once": (8, _made_up_positions),
    "garbage tokens, 16 at once": (16, _garbage_tokens),
    "analyses, 8 at once": (8, _analyses),
}


async def _attacked(target: Target, count: int, attack: Callable[[Target], Awaitable[None]]) -> None:
    async def again_and_again() -> None:
        while True:
            await attack(target)

    await asyncio.gather(*(again_and_again() for _ in range(count)))


async def _latencies(
    url: str, seconds: float, path: str, body: str | None, headers: dict[str, str]
) -> list[float]:
    """What a client waits who asks at even times, in milliseconds; a late answer delays the next question."""
    taken = []
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
        until = perf_counter() + seconds
        while (started := perf_counter()) < until:
            await (http.get(path) if body is None else http.post(path, content=body))
            taken.append((perf_counter() - started) * 1000)
            await asyncio.sleep(_EVERY_SECONDS)
    return sorted(taken)


def _percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


async def _measure(target: Target, seconds: float) -> None:
    url, small = f"http://{LOOPBACK}:{target.port}", json.dumps({"query": _SMALL})
    _say(f"{'attack':46} {'livez p50':>10} {'p99':>8} {'query p50':>10} {'p99':>8}   ms")
    for name, (count, attack) in ATTACKS.items():
        attackers = asyncio.create_task(_attacked(target, count, attack))
        await asyncio.sleep(0.5)
        # The measuring client has a process of its own: this one is busy with the attack.
        measured = await asyncio.gather(
            _measured_elsewhere(url, seconds, "/livez", None, {}),
            _measured_elsewhere(url, seconds, "/graphql", small, target.headers),
        )
        attackers.cancel()
        with suppress(asyncio.CancelledError):
            await attackers
        figures = [_percentile(values, share) for values in measured for share in (0.5, 0.99)]
        _say(f"{name:46} {figures[0]:10.1f} {figures[1]:8.1f} {figures[2]:10.1f} {figures[3]:8.1f}")


async def _measured_elsewhere(
    url: str, seconds: float, path: str, body: str | None, headers: dict[str, str]
) -> list[float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ops.bench.attack", "--probe", json.dumps([url, seconds, path, body, headers]),
        stdout=subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    values: list[float] = json.loads(output)
    return values


async def _run(folder: Path, seconds: float) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ops.local.environment", "--port", str(port), "--data", str(folder / "data"),
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - it is asked for above
    said = ""
    while "Ctrl-C stops everything" not in said:
        line = (await process.stdout.readline()).decode()
        if not line:
            raise SystemExit("the local environment did not start")
        said += line
    token = re.findall(r"Bearer ([\w.-]+)", said)[0]
    target = Target(port, token)
    try:
        for _ in range(_MEALS):
            await target.ask(_ANALYZE)
        await _measure(target, seconds)
    finally:
        await target.http.aclose()
        process.terminate()
        await process.wait()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each attack (%(default)s)")
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        _say(json.dumps(asyncio.run(_latencies(*json.loads(options.probe)))))
        return
    with tempfile.TemporaryDirectory(prefix="attack") as folder:
        asyncio.run(_run(Path(folder), options.seconds))


if __name__ == "__main__":
    main()
