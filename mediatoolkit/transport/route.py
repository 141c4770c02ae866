"""How a request gets to one origin: through which proxy, and whose certificates are trusted."""

import asyncio
import contextlib
import os
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from mediatoolkit.errors import UnsafeURLError
from mediatoolkit.runtime.context import Timeout
from mediatoolkit.transport.guard import Origin
from mediatoolkit.transport.proxy import Proxy, parsed, proxy_for, proxy_of_environment
from mediatoolkit.transport.secret import HiddenText
from mediatoolkit.transport.session import OurConnector
from mediatoolkit.version import VERSION

USER_AGENT = f"mediatoolkit/{VERSION}"
"""Name and version that every request carries."""


@dataclass(frozen=True, slots=True)
class Route:
    """How a request gets to one origin.

    Attributes:
        origin: Where it goes.
        proxy: The proxy on the way, or None.
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
    """Whether the registry made *session*, so that proxy and trust are ours to choose."""
    return isinstance(session.connector, OurConnector)


async def route_to(session: aiohttp.ClientSession, origin: Origin) -> Route:
    """How *session* gets to *origin*; a session of ours goes by the settings of this moment.

    Raises:
        UnsafeURLError: What is set as a proxy is no address of a proxy.
    """
    if not isinstance(session.connector, OurConnector):
        return Route(origin, _proxy_of(session, origin), is_ours=False)
    proxy = proxy_for(origin)
    is_tls = "https" in (origin.scheme, proxy.origin.scheme if proxy else "")
    return Route(origin, proxy, await trust() if is_tls else None)


def _proxy_of(session: aiohttp.ClientSession, origin: Origin) -> Proxy | None:
    """The proxy of a session of the user's own, as far as aiohttp lets it be seen."""
    proxy_url = getattr(session, "_default_proxy", None)
    auth = getattr(session, "_default_proxy_auth", None)
    with contextlib.suppress(UnsafeURLError):  # a session of the user's is not judged
        if proxy_url is not None:
            proxy = parsed(HiddenText(proxy_url), "session=")
            return proxy if auth is None else replace(proxy, login=HiddenText(auth.encode()))
        if session.trust_env:
            return proxy_of_environment(origin)
    return None


def durations(timeout: Timeout) -> aiohttp.ClientTimeout:
    """What aiohttp watches of *timeout*; its total is the call's own business."""
    return aiohttp.ClientTimeout(total=None, sock_connect=timeout.connect, sock_read=timeout.read)


def _with_tunnel(durations: aiohttp.ClientTimeout) -> aiohttp.ClientTimeout:
    """The same durations, where the proxy must answer, too, before there is a connection."""
    return aiohttp.ClientTimeout(
        total=durations.total,
        connect=durations.sock_connect,
        sock_connect=durations.sock_connect,
        sock_read=durations.sock_read,
    )


NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""Variables for certificates: OpenSSL's two replace the system's files, the third adds to them."""

_NEEDS_ROOT = {18, 19, 20, 21}  # X509_V_ERR_…: signed by nobody that is known here
_DATES = {9, 10}  # not yet valid, expired

_State = tuple[tuple[str, float, int] | None, ...]

_lock = threading.Lock()
_latest: tuple[_State, ssl.SSLContext] | None = None


async def trust() -> ssl.SSLContext:
    """Settings for TLS by the variables and files of this moment, for a request that starts now.

    Reading all roots takes some 50 ms, so it is done in a thread, and again only after a change.
    """
    latest = _latest
    if latest is not None and latest[0] == _state():
        return latest[1]
    return await asyncio.to_thread(_load_trust)


def advice(error: ssl.SSLError) -> str:
    """The next step after a handshake that failed with *error*."""
    code = getattr(error, "verify_code", None)
    if code in _DATES:
        return "check the clock of this machine"
    if code not in _NEEDS_ROOT:
        return "check the address"
    places = {name: os.environ[name] for name in NAMES if os.environ.get(name)}
    if not places:
        return "if a company's own authority signs here, name the file of its root in SSL_CERT_FILE"
    flaws = {name: _flaw(name, place) for name, place in places.items()}
    flawed = next((name for name, flaw in flaws.items() if flaw), None)
    name = flawed or next(iter(places))
    return f"{name} {flaws[name] or 'does not vouch for it'}; correct it"


def _load_trust() -> ssl.SSLContext:
    global _latest  # noqa: PLW0603 - one process has one environment
    # Calls that start together after a change wait for the first one's reading.
    with _lock:
        state = _state()
        if _latest is None or _latest[0] != state:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            bundle = os.environ.get("REQUESTS_CA_BUNDLE")
            if bundle:
                with contextlib.suppress(OSError):  # `advice` names it where it is missed
                    _add(context, bundle)
            _latest = state, context
        return _latest[1]


def _add(context: ssl.SSLContext, place: str) -> None:
    if Path(place).is_dir():
        context.load_verify_locations(capath=place)
    else:
        context.load_verify_locations(cafile=place)


def _state() -> _State:
    return tuple(_facts(os.environ.get(name)) for name in NAMES)


def _facts(place: str | None) -> tuple[str, float, int] | None:
    """Name, time and size of a file, which differ once it is corrected under its old name."""
    if not place:
        return None
    try:
        facts = os.stat(place)  # noqa: PTH116 - takes whatever somebody set
    except (OSError, ValueError):
        return place, 0.0, 0
    return place, facts.st_mtime, facts.st_size


def _flaw(name: str, place: str) -> str:
    """What is wrong with *place*, the file or folder that the variable *name* names, or `""`."""
    if name == "SSL_CERT_DIR":  # OpenSSL takes several, and passes over what is missing
        is_there = any(Path(folder).is_dir() for folder in place.split(os.pathsep))
        return "" if is_there else "names a folder that cannot be found"
    if name == "SSL_CERT_FILE" and Path(place).is_dir():
        return "names a folder and takes a file; SSL_CERT_DIR takes folders"
    try:
        _add(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), place)
    except ssl.SSLError:
        return "names a file that holds no certificates in PEM form"
    except (OSError, ValueError):
        return "names a file that cannot be read"
    return ""
