"""How a session of ours is made, and let go of when its loop is gone."""

import asyncio
import contextlib
import functools
import socket
import warnings

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from mediatoolkit.transport.guard import check_addresses
from mediatoolkit.transport.policy import Timeout
from mediatoolkit.version import VERSION

USER_AGENT = f"mediatoolkit/{VERSION}"
"""Name and version that every request carries."""


def open_session(*, guarded: bool = False) -> aiohttp.ClientSession:
    """Session without cookies, without proxy or netrc of the environment, without limit.

    Args:
        guarded: It connects to public addresses only, and remembers no name.
    """
    _settle_malloc()
    if guarded:
        connector = aiohttp.TCPConnector(limit=0, resolver=PublicResolver(), use_dns_cache=False)
    else:
        connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
    )


def durations(timeout: Timeout) -> aiohttp.ClientTimeout:
    """What aiohttp watches of *timeout*; its total is the call's own business."""
    return aiohttp.ClientTimeout(total=None, sock_connect=timeout.connect, sock_read=timeout.read)


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
