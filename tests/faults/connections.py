"""Cutting the connections of this process to a server."""

import os
import socket
import stat
from contextlib import suppress
from random import Random


def cut_connections(port: int, share: float, random: Random) -> int:
    """Shut down about this share of the connections to `port` on loopback, of any client; how many they were.

    Whatever was sent stays sent, and answers under way are lost.
    """
    cut = 0
    for name in os.listdir("/proc/self/fd"):
        # An error: it was closed meanwhile, or is no socket of that kind.
        with suppress(OSError):
            copy = os.dup(int(name))
            try:
                cut += _cut_one(copy, port, share, random)
            finally:
                os.close(copy)
    return cut


def _cut_one(descriptor: int, port: int, share: float, random: Random) -> bool:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return False
    connection = socket.socket(fileno=descriptor)
    try:
        is_meant = connection.family == socket.AF_INET and connection.getpeername()[1] == port
        if not is_meant or random.random() >= share:
            return False
        connection.shutdown(socket.SHUT_RDWR)
        return True
    finally:
        connection.detach()
