"""The only room that speaks HTTP: one session per loop, one deadline, nothing paid twice.

`Transport` sends one provider's calls, each as an `Attempt` that `with_retries` repeats where that
costs nothing. `sessions` owns the connections, `download` brings files, `Retry` and `Limits` say
what is allowed, `Dialect` what a vendor's headers mean, `Scope` holds requests back while a vendor
wants none, and `Secret` holds the key. What needs
aiohttp loads when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mediatoolkit.transport.encode import DataURL, FilePart, Json, Multipart, Raw
from mediatoolkit.transport.policy import Dialect, Limits, Retry
from mediatoolkit.transport.secret import Secret

if TYPE_CHECKING:
    from mediatoolkit.transport.client import Transport
    from mediatoolkit.transport.downloads import download
    from mediatoolkit.transport.response import ErrorResponse, Response, error_by_status
    from mediatoolkit.transport.session import SessionRegistry, sessions
    from mediatoolkit.transport.sse import StreamEnded

__all__ = [
    "DataURL",
    "Dialect",
    "ErrorResponse",
    "FilePart",
    "Json",
    "Limits",
    "Multipart",
    "Raw",
    "Response",
    "Retry",
    "Secret",
    "SessionRegistry",
    "StreamEnded",
    "Transport",
    "download",
    "error_by_status",
    "sessions",
]

_LAZY = {
    "ErrorResponse": "response",
    "Response": "response",
    "SessionRegistry": "session",
    "StreamEnded": "sse",
    "Transport": "client",
    "download": "downloads",
    "error_by_status": "response",
    "sessions": "session",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
