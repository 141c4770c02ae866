"""Which addresses may be connected to.

The base URL is the user's own choice and may be private. An address that a response hands over
is a stranger's: plain http(s), no password, and every address behind its name public.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin

from mediatoolkit.errors import UnsafeURLError

MOST_REDIRECTS = 5

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9._-]{0,252}))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
_PREFIX = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*")
_PORTS = {"http": 80, "https": 443}

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")
_NOT_PUBLIC = [
    ipaddress.ip_network(net)
    for net in (
        "192.88.99.0/24",  # 6to4 relays
        "64:ff9b:1::/48",  # local NAT64
        "100::/64",  # discard
        "2001::/23",  # Teredo and other protocol assignments
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",  # site-local
    )
]

# RFC 6761, 6762 and 8375, and names that ICANN leaves to private networks.
_HOME_NAMES = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what a key is bound to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: object) -> Self:
        """Origin of *url*.

        Raises:
            UnsafeURLError: *url* is not a plain http(s) address.
        """
        text = url if isinstance(url, str) else ""
        match = _ADDRESS.fullmatch(text.partition("#")[0].replace("?", "/?", 1))
        scheme = match["scheme"].lower() if match else ""
        port = int(match["port"] or _PORTS[scheme]) if match else 0
        if not match or not 0 < port < 65536 or "@" in _authority(text):
            raise UnsafeURLError(
                f"{safe_url(url)} is not a plain http(s) address without a password in it."
            )
        return cls(scheme, match["host"].strip("[]").lower(), port)

    @property
    def place(self) -> str:
        """Host and port, for a message."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        """Such as `https://example.com:443`."""
        return f"{self.scheme}://{self.place}"


def checked_base(url: object, name: str = "base_url=") -> str:
    """Check a configured base URL, `http(s)://host[:port][/prefix]`; returns it without end slash.

    Args:
        url: The value that was set.
        name: Name of the setting, for the message.

    Raises:
        UnsafeURLError: *url* is anything else. Nothing was sent.
    """
    text = url if isinstance(url, str) else ""
    match = _ADDRESS.fullmatch(text)
    if match is None or not _PREFIX.fullmatch((match["path"] or "").rstrip("/")):
        raise UnsafeURLError(
            f"{name} takes http(s)://host[:port][/prefix] and nothing more, not {safe_url(url)}."
        )
    Origin.of(text)
    return text.rstrip("/")


def redirect_target(url: str, location: str) -> str:
    """Return the address that a redirect from *url* leads to.

    Raises:
        UnsafeURLError: It goes from https to http, or to no plain address.
    """
    target = urljoin(url, location)
    if Origin.of(url).scheme == "https" and Origin.of(target).scheme != "https":
        raise UnsafeURLError(
            f"{safe_url(url)} redirects from https to plain http, which is not followed."
        )
    return target


def check_stranger(url: str) -> Origin:
    """Check an address that a response handed over, as far as its text tells.

    Raises:
        UnsafeURLError: It is no plain http(s) address, or names a host by a private number.
    """
    origin = Origin.of(url)
    number = _literal(origin.host)
    if number is not None and not is_public(str(number)):
        raise _private(origin.host)
    return origin


def check_name(origin: Origin) -> None:
    """Check a name that only the proxy looks up, as far as the name itself tells.

    Raises:
        UnsafeURLError: It is a name of this machine or of a private network.
    """
    host = origin.host.rstrip(".")
    if _literal(host) is None and ("." not in host or host.endswith(_HOME_NAMES)):
        raise _private(origin.host)


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine, by its name or by a number."""
    number = _literal(host)
    if number is None:
        return host == "localhost" or host.endswith(".localhost")
    return number.is_loopback


def check_addresses(host: str, addresses: list[str]) -> None:
    """Check what the name *host* resolved to.

    Raises:
        UnsafeURLError: There is no address, or one of them is not public.
    """
    if not addresses or not all(map(is_public, addresses)):
        raise _private(host)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet, the IPv4 inside an IPv6 included."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(number, ipaddress.IPv6Address):
        inner = _inner(number)
        if inner is not None:
            return is_public(str(inner))
        if number.is_reserved or number.scope_id:
            return False
    if any(number in net for net in _NOT_PUBLIC):
        return False
    return number.is_global and not number.is_multicast


def safe_url(url: object) -> str:
    """An address for a message: no user, no query, at most 100 plain characters."""
    if not isinstance(url, str):
        return f"a {type(url).__name__}"
    text = re.sub(r"[^!-~]", "", re.split(r"[?#]", url, maxsplit=1)[0])
    text = re.sub(r"//[^/]*@", "//", text)
    return repr(text[:100])


def _authority(url: str) -> str:
    return re.split(r"[/?#]", url.partition("//")[2], maxsplit=1)[0]


def _inner(number: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if number.ipv4_mapped is not None:
        return number.ipv4_mapped
    if number in _SIX_TO_FOUR:
        return number.sixtofour
    if number in _NAT64:
        return ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    return None


def _literal(host: str) -> _IPAddress | None:
    """Address that *host* spells, as the C library reads it: also `127.1`, `0x7f000001`."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _private(host: str) -> UnsafeURLError:
    return UnsafeURLError(
        f"The address at {host[:100]} is not public, so it is not fetched; name its origin in "
        "trusted_origins= if it is yours."
    )
