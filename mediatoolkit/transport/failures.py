"""aiohttp's, the system's and TLS's errors in our words. The one place where they are translated.

The message names host and port and the next step, never a query or a header. The foreign error
is dropped, not chained: its repr and its frames show request headers.
"""

import asyncio
import errno
import os
import socket
import ssl
import traceback

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from mediatoolkit.call import Call
from mediatoolkit.errors import DeadlineError, TransportError, UnsafeURLError
from mediatoolkit.transport.policy import Timeout

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
_SAYINGS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (
        (aiohttp.ClientConnectorDNSError, socket.gaierror),
        "There is no address for {place}; check the name and your network.",
    ),
    (
        (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch, ssl.SSLError),
        "No safe connection to {place}: its certificate or TLS was not accepted ({reason}).",
    ),
    (
        aiohttp.ClientProxyConnectionError,
        "The proxy on the way to {place} cannot be reached; check its address.",
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


def translate(error: BaseException, place: str, call: Call, timeout: Timeout) -> TransportError:
    """What to raise for the foreign *error* of a try.

    Args:
        error: One of `FOREIGN`.
        place: Host and port that were asked.
        call: For stage and provider.
        timeout: Durations that hold where the call brings none along.
    """
    error = _unwrapped(error)
    unsafe = getattr(error, "os_error", None)
    if isinstance(unsafe, UnsafeURLError):
        return UnsafeURLError(str(unsafe.args[0]), provider=call.provider)
    if isinstance(error, TimeoutError):
        return _too_slow(error, place, call, timeout)
    for kinds, saying in _SAYINGS:
        if isinstance(error, kinds):
            said = saying.format(place=place, reason=_reason(error))
            return TransportError(said, provider=call.provider)
    return TransportError(_ELSE.format(place=place), provider=call.provider)


def is_loss(error: BaseException) -> bool:
    """Whether the connection was lost, or never made, so that another try makes sense."""
    hopeless = (
        aiohttp.ClientSSLError,
        aiohttp.ServerFingerprintMismatch,
        ssl.SSLError,
        aiohttp.InvalidURL,
    )
    if isinstance(error, hopeless) or isinstance(getattr(error, "os_error", None), UnsafeURLError):
        return False
    if was_greeting(error):  # as long again would bring nothing new
        return False
    return isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError))


def was_hung_up(error: BaseException) -> bool:
    """Whether the other side closed, as opposed to staying silent or talking nonsense."""
    error = _unwrapped(error)
    if isinstance(error, _CLOSED):
        return True
    return isinstance(error, OSError) and error.errno in _HUNG_UP


def was_greeting(error: BaseException) -> bool:
    """Whether a server took the connection and then left the greeting of TLS unanswered.

    asyncio and aiohttp do not say so; only the frame that waited tells. Where that is not found,
    it counts as a connection that was never taken.
    """
    inner: BaseException | None = error if isinstance(error, TimeoutError) else None
    while inner is not None:
        frames = traceback.walk_tb(inner.__traceback__)
        if any(frame.f_code.co_name == "_create_connection_transport" for frame, _ in frames):
            return True
        inner = inner.__cause__ or inner.__context__
    return False


def _unwrapped(error: BaseException) -> BaseException:
    """What aiohttp found when it wrote; the wrapper that it puts around it says nothing itself."""
    while type(error) in _WRAPPERS and getattr(error, "errno", None) is None:
        inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error = inner
    return error


def _too_slow(error: BaseException, place: str, call: Call, usual: Timeout) -> TransportError:
    timeout = usual.within(call)
    if was_greeting(error):
        return DeadlineError(
            f"{place} took the connection and did not answer the greeting of TLS within "
            f"{timeout.connect:g} s. Is this https? Check the address and its port.",
            stage=call.event.stage,
            seconds=timeout.connect,
            provider=call.provider,
        )
    connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
    silent = isinstance(error, aiohttp.SocketTimeoutError) and timeout.read is not None
    if connecting or not silent:
        seconds, said = timeout.connect, f"{place} took no connection within"
        field = "connect"
    else:
        seconds, said = timeout.read or timeout.total, f"{place} stayed silent for"
        field = "read"
    return DeadlineError(
        f"{said} {seconds:g} s; ask again, or give it more with Timeout({field}=...).",
        stage=call.event.stage,
        seconds=seconds,
        provider=call.provider,
    )


def _reason(error: BaseException) -> str:
    """The system's word for an error; never aiohttp's, which may hold the whole address."""
    inner = error
    for name in ("os_error", "certificate_error"):
        inner = getattr(error, name, None) or inner
    if isinstance(inner, ssl.SSLError):
        said = getattr(inner, "verify_message", None) or getattr(inner, "reason", None)
        return str(said or "handshake failed")
    number = getattr(inner, "errno", None)
    if isinstance(number, int) and number in errno.errorcode:
        return os.strerror(number).lower()
    return "no answer"
