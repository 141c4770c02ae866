"""No test reaches beyond this machine."""

import ipaddress
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure. The same examples each time say whether a change broke something;
# `pytest --hypothesis-profile=search` looks for what was always broken.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", _UNHURRIED)
settings.register_profile("repeatable", _UNHURRIED, derandomize=True)
settings.load_profile("repeatable")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts its background so, and
    signal.signal(signal.SIGINT, signal.default_int_handler)  # every process would inherit it

_LOCAL_NAMES = {"localhost", "", None, socket.gethostname()}
_real_connect = socket.socket.connect
_real_connect_ex = socket.socket.connect_ex
_real_getaddrinfo = socket.getaddrinfo

collect_ignore = ["plugin"]  # a project of its own, which tests/test_plugin.py installs


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Refuse every other address, and fail the test even if it swallows the refusal."""
    reached: list[object] = []

    def check(host: object) -> None:
        if not _is_loopback(host):
            reached.append(host)
            raise OSError(f"a test reached for {host!r}, which is not on this machine")

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            check(address[0])
        _real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            check(address[0])
        return _real_connect_ex(self, address)

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        check(host)
        return _real_getaddrinfo(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield reached
    if reached:
        pytest.fail(f"reached beyond loopback: {reached}")


@pytest.fixture(autouse=True)
def no_pause() -> Iterator[None]:
    """A pause of one test holds back no other, which may have its server on the same port."""
    yield
    if "mediatoolkit.transport.scope" in sys.modules:
        from mediatoolkit.transport.scope import scopes

        scopes.clear()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """The system itself stops after 64 kB of any file."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, usual[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)
