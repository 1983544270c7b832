"""Ports of the loopback interface."""

import socket

import pytest

from ops.local.ports import LOOPBACK, PortInUse, answers, free_port, require_free


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    require_free(port)
    assert not answers(port)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert answers(port)
        with pytest.raises(PortInUse, match=rf"^port {port} cannot be used \(Address already in use\)"):
            require_free(port)
    require_free(port)
