"""Cutting the connections of this process to a server."""

import os
import socket
from contextlib import suppress
from random import Random


def cut_connections(port: int, share: float, random: Random) -> int:
    """Shut down about this share of the connections to `port` on loopback, whoever uses them; how many they were.

    Whatever was sent stays sent, and answers under way are lost.
    """
    cut = 0
    for name in os.listdir("/proc/self/fd"):
        # An error: it was closed meanwhile, or is no socket of that kind.
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as connection:
            if connection.getpeername()[1] == port and random.random() < share:
                connection.shutdown(socket.SHUT_RDWR)
                cut += 1
    return cut
