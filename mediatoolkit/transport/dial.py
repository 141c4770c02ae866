"""How a session of ours is made and used, and let go of when its loop is gone."""

import asyncio
import contextlib
import functools
import socket
import ssl
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from mediatoolkit.errors import UnsafeURLError
from mediatoolkit.runtime.context import Timeout
from mediatoolkit.transport.guard import Origin, check_addresses
from mediatoolkit.transport.proxy import Proxy, parsed, proxy_for, proxy_of_environment
from mediatoolkit.transport.secret import HiddenText
from mediatoolkit.transport.trust import trust
from mediatoolkit.version import VERSION

USER_AGENT = f"mediatoolkit/{VERSION}"
"""Name and version that every request carries."""

_ours: WeakSet[aiohttp.ClientSession] = WeakSet()


def open_session(*, guarded: bool = False) -> aiohttp.ClientSession:
    """Session without cookies, without netrc, without limit; `route` brings proxy and trust.

    Args:
        guarded: It connects to public addresses only, and remembers no name.
    """
    _settle_malloc()
    if guarded:
        connector = aiohttp.TCPConnector(limit=0, resolver=PublicResolver(), use_dns_cache=False)
    else:
        connector = aiohttp.TCPConnector(limit=0)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )
    _ours.add(session)
    return session


@dataclass(frozen=True, slots=True)
class Route:
    """How a request gets to one origin.

    Attributes:
        origin: Who is asked.
        proxy: Through whom, or None.
        trust: Settings for TLS; None leaves them to the session.
        is_ours: The session leaves proxy and trust to us.
    """

    origin: Origin
    proxy: Proxy | None = None
    trust: ssl.SSLContext | None = field(repr=False, default=None)
    is_ours: bool = True

    def options(
        self, headers: Mapping[str, str], durations: aiohttp.ClientTimeout
    ) -> dict[str, Any]:
        """Arguments for a session's `request`, *headers* and *durations* among them."""
        options: dict[str, Any] = {"headers": dict(headers), "timeout": durations}
        if self.trust is not None:
            options["ssl"] = self.trust
        if self.proxy is not None and self.is_ours:
            options["proxy"] = str(self.proxy.origin)
            options["timeout"] = _with_tunnel(durations)
            if self.proxy.login is not None:
                login = {"Proxy-Authorization": self.proxy.login}
                if self.origin.scheme == "https":
                    options["proxy_headers"] = login  # with CONNECT, and not beyond the proxy
                else:
                    options["headers"] |= login
        return options


def is_ours(session: aiohttp.ClientSession) -> bool:
    """Whether `open_session` made it."""
    return session in _ours


async def route(session: aiohttp.ClientSession, origin: Origin) -> Route:
    """How *session* gets to *origin*; a session of ours goes by the settings of this moment.

    Raises:
        UnsafeURLError: What is set as a proxy is no address of one.
    """
    if not is_ours(session):
        return Route(origin, _proxy_of(session, origin), is_ours=False)
    proxy = proxy_for(origin)
    is_tls = "https" in (origin.scheme, proxy.origin.scheme if proxy else "")
    return Route(origin, proxy, await trust() if is_tls else None)


def _proxy_of(session: aiohttp.ClientSession, origin: Origin) -> Proxy | None:
    """The proxy of a session of the user's own, as far as aiohttp lets it be seen."""
    own = getattr(session, "_default_proxy", None)
    auth = getattr(session, "_default_proxy_auth", None)
    with contextlib.suppress(UnsafeURLError):  # an odd address is the user's own affair
        if own is not None:
            proxy = parsed(HiddenText(own), "session=")
            return proxy if auth is None else replace(proxy, login=HiddenText(auth.encode()))
        if session.trust_env:
            return proxy_of_environment(origin)
    return None


@contextlib.contextmanager
def beside(session: aiohttp.ClientSession) -> Iterator[aiohttp.ClientSession]:
    """A session over the connections of *session*, without its cookies and header fields."""
    other = aiohttp.ClientSession(
        connector=session.connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=session.auto_decompress,
        timeout=aiohttp.ClientTimeout(total=None),
    )
    try:
        yield other
    finally:
        other.detach()


def durations(timeout: Timeout) -> aiohttp.ClientTimeout:
    """What aiohttp watches of *timeout*; its total is the call's own business."""
    return aiohttp.ClientTimeout(total=None, sock_connect=timeout.connect, sock_read=timeout.read)


def _with_tunnel(durations: aiohttp.ClientTimeout) -> aiohttp.ClientTimeout:
    """The same where a proxy has to answer as well before there is a connection."""
    return aiohttp.ClientTimeout(
        total=durations.total,
        connect=durations.sock_connect,
        sock_connect=durations.sock_connect,
        sock_read=durations.sock_read,
    )


class PublicResolver(AbstractResolver):
    """Answers with public addresses, which are then connected to, or not at all."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look *host* up once.

        Raises:
            UnsafeURLError: One of its addresses is not public.
        """
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family
        )
        check_addresses(host, [str(address[0]) for *_, address in found])
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Nothing to close."""


def drop(session: aiohttp.ClientSession) -> None:
    """Let go of a session whose loop is closed, in silence: nobody could have closed it in time."""
    connector = session.connector
    session.detach()
    if connector is None:
        return
    for held in getattr(connector, "_conns", {}).values():
        for protocol, _ in held:
            transport = protocol.transport
            plain = getattr(transport, "_sock", None)
            if plain is not None:
                plain.close()
                with contextlib.suppress(AttributeError):
                    transport._sock = None  # noqa: SLF001 - what its own close does on a live loop
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        closing = connector.close().__await__()
        with contextlib.suppress(StopIteration, RuntimeError):
            next(closing)


@functools.cache
def _settle_malloc() -> None:
    """Make glibc keep blocks of the size that asyncio receives into.

    It maps them anew for every read until a mapped block of that size has been freed once;
    measured, a quarter of a small call's CPU.
    """
    block = bytes(1 << 20)
    del block
