"""Which proxy a request goes through: what `mt.configure` says, or else the environment."""

import base64
import ipaddress
import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from mediatoolkit.errors import UnsafeURLError
from mediatoolkit.transport.guard import Origin, is_loopback
from mediatoolkit.transport.secret import HiddenText, masked

ENV: Final = "env"
_NAME = "MEDIATOOLKIT_PROXY"
_VARIABLES = (
    _NAME,
    *("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
)
_CONFIGURED = "mt.configure(proxy=...)"
_STRAIGHT = "mt.configure(proxy=None)"

_configured: HiddenText | None = HiddenText(ENV)


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy.

    Attributes:
        origin: Where it is.
        name: Where it is set, such as `"HTTPS_PROXY"`.
        login: User and password as `Proxy-Authorization` has them, or None.
    """

    origin: Origin
    name: str
    login: HiddenText | None = field(repr=False, default=None)
    _password: HiddenText = field(repr=False, default=HiddenText())

    def __str__(self) -> str:
        """Show where it is and what names it, never the password."""
        return f"{self.origin.place}, which {self.name} names,"

    def mask(self, text: str) -> str:
        """*text* without the password, which somebody may have echoed."""
        token = HiddenText((self.login or "").removeprefix("Basic "))
        return masked(masked(text, token), self._password)


def configure(*, proxy: str | None) -> None:
    """Say how this process reaches vendors and files, from its next request on.

    Args:
        proxy: `"env"`, as at the start, follows `MEDIATOOLKIT_PROXY`, or else `HTTPS_PROXY`,
            `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; they are read anew for every request.
            `"http://[user:password@]host[:port]"` is used for every host that `NO_PROXY` does not
            name. None uses no proxy. A client with a `session=` of your own keeps to its settings.

    Raises:
        UnsafeURLError: *proxy* is something else; the setting stays as it was.
    """
    global _configured  # noqa: PLW0603 - one process has one network
    # Hidden, since the traceback of an error that is raised below shows its locals.
    proxy = hidden = HiddenText(proxy.strip()) if isinstance(proxy, str) else proxy
    if hidden is not None and hidden != ENV:
        parsed(hidden, _CONFIGURED)
    _configured = hidden


def proxy_for(origin: Origin) -> Proxy | None:
    """The proxy on the way to *origin*, or None.

    Raises:
        UnsafeURLError: What is set is no address of a proxy that can be used.
    """
    if _configured is None:
        return None
    if _configured != ENV:
        return _unless_bypassed(_configured, _CONFIGURED, origin)
    if not any(name in os.environ for name in _VARIABLES):
        return None  # so it is on most machines, and every request asks
    setting = _setting(_NAME)
    if setting.lower() == "none":
        return None
    if not setting or setting.lower() == ENV:
        return proxy_of_environment(origin)
    return None if is_loopback(origin.host) else _unless_bypassed(setting, _NAME, origin)


def proxy_of_environment(origin: Origin) -> Proxy | None:
    """The proxy that the usual variables name for *origin*; this machine itself needs none.

    Raises:
        UnsafeURLError: What is set is no address of a proxy that can be used.
    """
    name = _variable(origin.scheme)
    if name is None or is_loopback(origin.host):
        return None
    return _unless_bypassed(_setting(name), name, origin)


def unused_proxy(origin: Origin, *, is_ours: bool) -> str:
    """Sentence that says why a proxy that is set was not used for *origin*, or `""`.

    Args:
        origin: Where the request went.
        is_ours: Whether it went over a session of ours, not one of the user's.
    """
    name = _NAME if _setting(_NAME) else _variable(origin.scheme)
    if _configured not in (None, ENV):
        name = _CONFIGURED
    other_name = None if name else _variable({"http": "https", "https": "http"}[origin.scheme])
    if is_loopback(origin.host) or not (name or other_name):
        return ""
    if name is None:
        why = f"holds for other addresses alone: set {origin.scheme.upper()}_PROXY"
    elif not is_ours:
        why = "a session= of your own keeps to its settings (trust_env=True)"
    elif _configured is None:
        why = f"{_STRAIGHT} leaves it unused"
    elif _is_bypassed(origin):
        why = "NO_PROXY names this host"
    else:
        why = "was not used here"
    return f" {name or other_name} is set, but {why}."


def _variable(scheme: str) -> str | None:
    """Name of the variable that holds for *scheme*; an empty lower-case variable means none."""
    for kind in (scheme, "all"):
        for name in (f"{kind}_proxy", f"{kind}_proxy".upper()):
            # In a CGI script HTTP_PROXY is a header that a visitor sent.
            if name in os.environ and not (name == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ):
                if os.environ[name].strip():
                    return name
                break
    return None


def _setting(name: str) -> HiddenText:
    return HiddenText(os.environ.get(name, "").strip())


def _unless_bypassed(address: HiddenText, name: str, origin: Origin) -> Proxy | None:
    return None if _is_bypassed(origin) else parsed(address, name)


def _is_bypassed(origin: Origin) -> bool:
    """Whether NO_PROXY names *origin*: by urllib's rules, and by what else is usual.

    Usual beyond urllib's rules are a network such as 10.0.0.0/8, a star as a name or before a
    name, and a dot that ends a name.
    """
    setting = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = [name.strip().rstrip(".").removeprefix("*.") for name in setting.split(",")]
    if "*" in names:
        return True
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # it is there

    host, place = origin.host.rstrip("."), origin.place.replace(".:", ":")
    return any(
        proxy_bypass_environment(name, {"no": ",".join(names)}) for name in (host, place)
    ) or any(_holds(network, host) for network in names if "/" in network)


def _holds(network: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def parsed(address: object, name: str) -> Proxy:
    """The proxy at *address*, a `HiddenText` that was set as *name*.

    Raises:
        UnsafeURLError: It is no address of a proxy that can be used; the message shows none of it.
    """
    text = address if isinstance(address, HiddenText) else HiddenText()
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "http", text
    login, _, place = rest.rpartition("@")
    place = place.removesuffix("/")
    if str(scheme).lower().startswith("socks"):
        raise UnsafeURLError(
            f"{name} names a SOCKS proxy, which cannot be used here; name an http:// proxy, or go "
            f"without: {_STRAIGHT}."
        )
    origin = _origin(scheme, place)
    if origin is None or not (mark or ":" in place):
        raise UnsafeURLError(
            f"{name} takes http://[user:password@]host[:port], and what is set there is not that; "
            f"correct it, or go without: {_STRAIGHT}."
        )
    if not login:
        return Proxy(origin, name)
    pair = HiddenText(base64.b64encode(unquote_to_bytes(login)).decode())
    password = HiddenText(unquote(str(login)).partition(":")[2])
    return Proxy(origin, name, "Basic " + pair, password)


def _origin(scheme: str, place: str) -> Origin | None:
    if any(letter in place for letter in "/?#"):
        return None
    try:
        return Origin.of(f"{scheme!s}://{place!s}")
    except UnsafeURLError:
        return None
