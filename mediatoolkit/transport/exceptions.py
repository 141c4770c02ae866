"""The errors of aiohttp, the system and TLS in our words; they are translated nowhere else.

The message names host and port and the next step, never a query or a header. The foreign error
is dropped, not chained: its repr and its frames show request headers.
"""

import asyncio
import errno
import os
import socket
import ssl
import traceback
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from mediatoolkit.errors import DeadlineError, TransportError, UnsafeURLError
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.transport.policy import RETRYABLE
from mediatoolkit.transport.proxy import unused_proxy
from mediatoolkit.transport.route import advice

if TYPE_CHECKING:
    from mediatoolkit.transport.proxy import Proxy
    from mediatoolkit.transport.route import Route

_NOT_REACHED = (aiohttp.ClientConnectorError, socket.gaierror)
_PROXY_NOT_REACHED = (aiohttp.ClientProxyConnectionError, aiohttp.ClientConnectorDNSError)
_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"}
_CUT = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)

FOREIGN = (
    aiohttp.ClientError,
    HttpProcessingError,
    OSError,
    asyncio.TimeoutError,
    ValueError,
    RuntimeError,
)
"""Everything that aiohttp raises on purpose, and what slips through it from below."""

_CLOSED = (
    aiohttp.ServerDisconnectedError,
    BrokenPipeError,
    ConnectionAbortedError,
    ConnectionResetError,
)
_MESSAGES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (
        (aiohttp.ClientConnectorDNSError, socket.gaierror),
        "There is no address for {place}; check the name and your network.",
    ),
    (
        (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch, ssl.SSLError),
        "No safe connection to {place}: TLS failed ({reason}); ask again.",
    ),
    (
        aiohttp.ClientConnectorError,
        "No connection to {place}: {reason}; check that it is up and the address is right.",
    ),
    (
        _CLOSED,
        "{place} closed the connection before it answered; ask again.",
    ),
    (aiohttp.ClientPayloadError, "The answer of {place} was cut short; ask again."),
    (
        (aiohttp.InvalidURL, ValueError),
        "The request to {place} cannot be written as HTTP; check address and headers.",
    ),
    (
        (aiohttp.ClientResponseError, HttpProcessingError),
        "{place} answered in something that is not HTTP; check the address and its port.",
    ),
    (OSError, "The connection to {place} broke: {reason}; ask again."),
)
_HUNG_UP = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN, errno.ENOTCONN}
_WRAPPERS = {aiohttp.ClientOSError, aiohttp.ClientConnectionError}
_ELSE = "The connection to {place} broke; ask again."


def translate(
    error: BaseException,
    place: str,
    context: CallContext,
    timeout: Timeout,
    route: "Route | None" = None,
) -> TransportError:
    """Return the error to raise for the foreign *error* of an attempt.

    Args:
        error: One of `FOREIGN`.
        place: Host and port of the request.
        context: For stage and provider.
        timeout: Durations that hold where the call brings none along.
        route: Route of an attempt that did not get through; None after that.
    """
    error = _unwrapped(error)
    unsafe = getattr(error, "os_error", None)
    if isinstance(unsafe, UnsafeURLError):
        return UnsafeURLError(str(unsafe.args[0]), provider=context.provider)
    proxy = None if route is None else route.proxy
    if isinstance(error, TimeoutError):
        return _too_slow(error, place, context, timeout, proxy)
    text = _of_proxy(error, place, proxy)
    if text is None:
        message = next((message for kinds, message in _MESSAGES if isinstance(error, kinds)), _ELSE)
        text = _of_tls(error, place) or message.format(place=place, reason=_reason(error))
        if proxy is not None:
            text += was_on_the_way(proxy)
        elif route is not None and isinstance(error, _NOT_REACHED):
            text += unused_proxy(route.origin, is_ours=route.is_ours)
    return TransportError(text, provider=context.provider)


def was_on_the_way(proxy: "Proxy | None") -> str:
    """Sentence that names the proxy, which may have caused a failure; `""` where there is none."""
    return "" if proxy is None else f" The proxy {proxy} was on the way."


def proxy_wants_login(proxy: "Proxy | None") -> str:
    """Message for a status 407."""
    if proxy is None:
        return "A proxy on the way wants a user name and a password (407); ask who runs it."
    if proxy.login is not None:
        return f"The proxy {proxy} did not accept the user name and password there; correct them."
    return (
        f"The proxy {proxy} wants a user name and a password (407); write them there: "
        "http://user:password@host:port."
    )


def _of_proxy(error: BaseException, place: str, proxy: "Proxy | None") -> str | None:
    """Message for an attempt that failed at the proxy; None for every other."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        status = getattr(error, "status", None)
        if status == 407:
            return proxy_wants_login(proxy)
        name = "on the way" if proxy is None else str(proxy)
        return (
            f"The proxy {name} gave no way to {place} (status {status}); ask who runs it, or "
            "go without: mt.configure(proxy=None)."
        )
    if proxy is not None and isinstance(error, _PROXY_NOT_REACHED):
        return (
            f"The proxy {proxy} cannot be reached on the way to {place}: {_reason(error)}; correct "
            "its address, or go without: mt.configure(proxy=None)."
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"The proxy on the way to {place} cannot be reached; check its address."
    is_tls = isinstance(error, aiohttp.ClientSSLError)
    if proxy is not None and isinstance(error, aiohttp.ClientConnectorError) and not is_tls:
        return (
            f"The proxy {proxy} opened a way to {place}, and it broke before TLS was agreed on: "
            f"{_reason(error)}; ask again, ask who runs the proxy, or go without: "
            "mt.configure(proxy=None)."
        )
    return None


def _of_tls(error: BaseException, place: str) -> str | None:
    """Message for a handshake that failed, with the next step; None for all else."""
    inner = _inner(error)
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(inner, _CUT):
        return (
            f"{place} closed the connection before TLS was agreed on. Is this https, and does your "
            "network let it through? Check the address and its port."
        )
    if not isinstance(inner, ssl.SSLError):
        return None
    if getattr(inner, "reason", None) in _NO_TLS:
        return (
            f"No safe connection to {place}: it does not speak TLS. Is this https? Check the "
            "address and its port."
        )
    if not isinstance(inner, ssl.SSLCertVerificationError):
        return None
    return (
        f"No safe connection to {place}: its certificate was not accepted ({_reason(error)}); "
        f"{advice(inner)}."
    )


def is_loss(error: BaseException) -> bool:
    """Whether the connection was lost, or never made, so that another attempt makes sense."""
    hopeless = (
        aiohttp.ClientSSLError,
        aiohttp.ServerFingerprintMismatch,
        ssl.SSLError,
        aiohttp.InvalidURL,
    )
    if isinstance(error, hopeless) or isinstance(getattr(error, "os_error", None), UnsafeURLError):
        return False
    if was_greeting(error):  # a second wait of that length would bring nothing new
        return False
    # The proxy answered instead of opening a connection.
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return getattr(error, "status", None) in RETRYABLE
    return isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError))


def was_hung_up(error: BaseException) -> bool:
    """Whether the other side closed, as opposed to staying silent or talking nonsense."""
    error = _unwrapped(error)
    if isinstance(error, _CLOSED):
        return True
    return isinstance(error, OSError) and error.errno in _HUNG_UP


def was_greeting(error: BaseException) -> bool:
    """Whether a server took the connection and then left the greeting of TLS unanswered.

    asyncio and aiohttp do not say so; only the frame that waited tells. Without that frame, it
    counts as a connection that was never taken.
    """
    inner: BaseException | None = error if isinstance(error, TimeoutError) else None
    while inner is not None:
        frames = traceback.walk_tb(inner.__traceback__)
        if any(frame.f_code.co_name == "_create_connection_transport" for frame, _ in frames):
            return True
        inner = inner.__cause__ or inner.__context__
    return False


def _unwrapped(error: BaseException) -> BaseException:
    """The error under a wrapper of aiohttp's that says nothing itself, as after a failed write."""
    while type(error) in _WRAPPERS and getattr(error, "errno", None) is None:
        inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return error


def _too_slow(
    error: BaseException, place: str, context: CallContext, usual: Timeout, proxy: "Proxy | None"
) -> TransportError:
    timeout = usual.within(context)
    if was_greeting(error):
        return DeadlineError(
            f"{place} took the connection and did not answer the greeting of TLS within "
            f"{timeout.connect:g} s. Is this https? Check the address and its port.",
            stage=context.event.name,
            seconds=timeout.connect,
            provider=context.provider,
        )
    connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
    silent = isinstance(error, aiohttp.SocketTimeoutError) and timeout.read is not None
    if connecting or not silent:
        name = place if proxy is None else f"The proxy {proxy} on the way to {place}"
        seconds, problem = timeout.connect, f"{name} took no connection within"
        field = "connect"
    else:
        seconds, problem = timeout.read or timeout.total, f"{place} stayed silent for"
        field = "read"
    return DeadlineError(
        f"{problem} {seconds:g} s; ask again, or give it more with Timeout({field}=...).",
        stage=context.event.name,
        seconds=seconds,
        provider=context.provider,
    )


def _reason(error: BaseException) -> str:
    """The system's word for an error; never aiohttp's, which may hold the whole address."""
    inner = _inner(error)
    if isinstance(inner, ssl.SSLError):
        word = getattr(inner, "verify_message", None) or getattr(inner, "reason", None)
        return str(word or "handshake failed")
    number = getattr(inner, "errno", None)
    if isinstance(number, int) and number in errno.errorcode:
        return os.strerror(number).lower()
    return "no answer"


def _inner(error: BaseException) -> BaseException:
    """The system's error in aiohttp's."""
    inner = error
    for name in ("os_error", "certificate_error"):
        inner = getattr(error, name, None) or inner
    return inner
