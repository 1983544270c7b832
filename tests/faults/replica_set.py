"""A real replica set of three mongod processes, and what can be done to it."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pymongo import WriteConcern
from pymongo.errors import PyMongoError

from tests.faults.node import REPLICA_SET, Document, Node

ELECTION_TIMEOUT = 2.0
_LOOK_SECONDS = 0.05
_RECOVERY_SECONDS = 60.0
_ROLLED_BACK = '"id":21105,'  # "Rollback successful"


class ReplicaSet:
    """Three members on loopback, with an election time-out of two seconds; a context manager that kills them all."""

    def __init__(self, folder: Path, size: int = 3) -> None:
        self.nodes = [Node(folder / f"node{number}") for number in range(size)]

    @property
    def url(self) -> str:
        return f"mongodb://{','.join(node.address for node in self.nodes)}/?replicaSet={REPLICA_SET}"

    def start(self, timeout: float = 60.0) -> Self:
        """Start and initiate the set, and wait until it is healthy. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        try:
            for node in self.nodes:
                node.start()
            self._initiate(deadline)
            self.wait_until_healthy(deadline - time.monotonic())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Kill every member."""
        for node in self.nodes:
            node.kill()

    def primary(self, timeout: float = 20.0, *, other_than: Node | None = None) -> Node:
        """The member that is a primary and not frozen. Raises TimeoutError when none is found in time."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for node in self.nodes:
                if node is not other_than and not node.is_frozen and _hello(node).get("isWritablePrimary"):
                    return node
            time.sleep(_LOOK_SECONDS)  # a look at other processes from time to time, bounded by the deadline
        raise TimeoutError(f"the replica set has had no primary for {timeout:.0f} s")

    def others(self, node: Node) -> list[Node]:
        return [other for other in self.nodes if other is not node]

    def stop_replication(self, nodes: Sequence[Node]) -> None:
        """Let these members fetch nothing any more, heartbeats and elections go on; returns when it holds."""
        times = [node.set_fail_point("stopReplProducer", "alwaysOn") for node in nodes]
        for node, before in zip(nodes, times, strict=True):
            node.wait_for_fail_point("stopReplProducer", before + 1, timeout=10)

    def start_replication(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            node.set_fail_point("stopReplProducer", "off")

    def step_down(self, seconds: int = 3) -> None:
        """Ask the primary to make place, not to be elected again for so long."""
        self.primary().command(
            {"replSetStepDown": seconds, "secondaryCatchUpPeriodSecs": min(1, seconds - 1), "force": True}
        )

    def term(self) -> int:
        """How many elections there have been, from the first one on."""
        return int(self.primary().command("replSetGetStatus")["term"])

    def rollbacks(self) -> int:
        """How many roll-backs members have gone through, by their own words."""
        return sum(node.said(_ROLLED_BACK) for node in self.nodes)

    def heal(self, timeout: float = 180.0) -> Sequence[Node]:
        """Undo what faults have left: thaw, restart, turn fail points off; then wait until the set is healthy.

        A member that does not recover by itself within a minute is killed and started again; those members are
        returned. Raises TimeoutError.
        """
        deadline = time.monotonic() + timeout
        self._revive(deadline)
        try:
            self.wait_until_healthy(_RECOVERY_SECONDS)
        except TimeoutError:
            stuck = [node for node in self.nodes if not _serves(_hello(node))]
            for node in stuck:
                node.kill()
            self._revive(deadline)
            self.wait_until_healthy(deadline - time.monotonic())
            return stuck
        return ()

    def _revive(self, deadline: float) -> None:
        for node in self.nodes:
            if node.is_running and node.is_frozen:
                node.thaw()
            elif not node.is_running:
                node.start()
        for node in self.nodes:
            _turn_off_fail_points(node, deadline)

    def wait_until_healthy(self, timeout: float = 60.0) -> None:
        """Wait for one primary, secondaries else, and a write that every member has. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        state = "nothing is known"
        while time.monotonic() < deadline:
            hellos = [_hello(node) for node in self.nodes]
            primaries = [
                node for node, hello in zip(self.nodes, hellos, strict=True) if hello.get("isWritablePrimary")
            ]
            secondaries = sum(bool(hello.get("secondary")) for hello in hellos)
            state = ", ".join(
                f"{node.folder} {_describe(hello)}" for node, hello in zip(self.nodes, hellos, strict=True)
            )
            if len(primaries) == 1 and secondaries == len(self.nodes) - 1:
                try:
                    self._write_everywhere(primaries[0])
                except PyMongoError as error:
                    state = f"{state}; {error}"
                else:
                    return
            time.sleep(_LOOK_SECONDS)  # as in `primary`
        raise TimeoutError(f"the replica set is not healthy within {timeout:.0f} s: {state}")

    def _initiate(self, deadline: float) -> None:
        members = [{"_id": number, "host": node.address} for number, node in enumerate(self.nodes)]
        settings = {
            "electionTimeoutMillis": int(ELECTION_TIMEOUT * 1000),
            "heartbeatIntervalMillis": 500,
            "catchUpTimeoutMillis": 2000,
        }
        config = {"_id": REPLICA_SET, "members": members, "settings": settings}
        while True:
            try:
                for node in self.nodes:
                    node.command("ping")
                self.nodes[0].command({"replSetInitiate": config}, timeout=20)
            except PyMongoError:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def _write_everywhere(self, primary: Node) -> None:
        concern = WriteConcern(w=len(self.nodes), wtimeout=3000)
        with primary.client() as client:
            health = client.get_database("faults_health").get_collection("beats", write_concern=concern)
            health.update_one({"_id": "beat"}, {"$inc": {"count": 1}}, upsert=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _hello(node: Node) -> Document:
    """What a member says of itself; nothing when it does not answer."""
    if not node.is_running or node.is_frozen:
        return {}
    try:
        return node.command("hello", timeout=1.0)
    except PyMongoError:
        return {}


def _serves(hello: Document) -> bool:
    return bool(hello.get("isWritablePrimary") or hello.get("secondary"))


def _describe(hello: Document) -> str:
    if hello.get("isWritablePrimary"):
        return "is a primary"
    if hello.get("secondary"):
        return "is a secondary"
    return "does not serve" if hello else "does not answer"


def _turn_off_fail_points(node: Node, deadline: float) -> None:
    while True:
        try:
            node.set_fail_point("stopReplProducer", "off")
            node.set_fail_point("failCommand", "off")
        except PyMongoError:  # it does not listen yet
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)  # as in `primary`
        else:
            return
