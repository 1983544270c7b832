"""TCP ports of the loopback interface."""

import secrets
import socket

from ops.errors import OperatorError

LOOPBACK = "127.0.0.1"
_FIRST, _LAST = 10_240, 32_767


class PortInUse(OperatorError):
    """Another program listens there."""


def free_port() -> int:
    """A port that nothing listens on at this moment, for a server that is about to start.

    Below the range from which systems take the ports of outgoing connections: one of those would otherwise
    be quicker than the server, now and then.
    """
    for _ in range(100):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST + 1)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise PortInUse(f"no free port was found between {_FIRST} and {_LAST}: end what listens there")


def require_free(port: int) -> None:
    """Raise PortInUse unless a server could listen on `port` now."""
    with socket.socket() as probe:
        # As servers do: the remains of closed connections are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError as error:
            raise PortInUse(
                f"port {port} cannot be used ({error.strerror}): stop what listens there, "
                "or choose another one: make run PORT=8123 DATA=../elsewhere"
            ) from None


def answers(port: int, timeout: float = 0.5) -> bool:
    """Whether something accepts connections on `port`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout):
            return True
    except OSError:
        return False
