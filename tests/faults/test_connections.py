"""Cutting connections cuts those that are meant, and leaves nothing open."""

import os
import socket
from random import Random

from tests.faults.connections import cut_connections


def test_only_connections_to_the_port_are_cut_and_no_descriptor_stays_open() -> None:
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
        before = len(os.listdir("/proc/self/fd"))
        for share, expected in ((0.0, 0), (1.0, 1)):
            assert cut_connections(server.getsockname()[1], share, Random(1)) == expected  # noqa: S311 - repeatable
        assert len(os.listdir("/proc/self/fd")) == before
        one.settimeout(5)
        other.settimeout(5)
        assert one.recv(1) == b""
        assert end_of_one.recv(1) == b""
        end_of_other.sendall(b"x")
        assert other.recv(1) == b"x"
