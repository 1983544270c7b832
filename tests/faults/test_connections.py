"""Cutting connections cuts only those to the port, and leaves nothing open."""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from random import Random

from tests.faults.connections import cut_connections


def test_only_connections_to_the_port_are_cut() -> None:
    """No descriptor stays open."""
    neither, nor = socket.socketpair()
    with (
        neither,
        nor,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_server(("127.0.0.1", 0)) as other_server,
        socket.create_connection(server.getsockname()) as one,
        socket.create_connection(other_server.getsockname()) as other,
        server.accept()[0] as end_of_one,
        other_server.accept()[0] as end_of_other,
    ):
        sockets = (neither, nor, server, other_server, one, other, end_of_one, end_of_other)
        for share, expected in ((0.0, 0), (1.0, 1)):
            assert cut_connections(server.getsockname()[1], share, Random(1)) == expected  # noqa: S311 - repeatable
        assert _descriptors_of(sockets) == len(sockets)
        one.settimeout(5)
        other.settimeout(5)
        assert one.recv(1) == b""
        assert end_of_one.recv(1) == b""
        end_of_other.sendall(b"x")
        assert other.recv(1) == b"x"


def _descriptors_of(sockets: Iterable[socket.socket]) -> int:
    """How many descriptors of this process are one of these; other threads open and close others meanwhile."""
    inodes = {os.fstat(one.fileno()).st_ino for one in sockets}
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # it was closed meanwhile
            count += os.fstat(int(name)).st_ino in inodes
    return count
