"""The guard that keeps every test on this machine."""

import socket

import pytest


@pytest.mark.parametrize("host", ["93.184.216.34", "10.0.0.1", "example.org", "2606:4700::1"])
def test_a_connection_beyond_loopback_is_refused(host: str, only_loopback: list[object]) -> None:
    with pytest.raises(OSError, match="not on this machine"):
        socket.create_connection((host, 80), timeout=1)
    assert only_loopback.pop() == host


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
