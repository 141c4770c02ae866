"""The only room that speaks HTTP: one session per loop, one deadline, nothing paid twice.

`Transport` sends one provider's calls, `sessions` owns the connections, `download` brings files,
`Timeout`, `Retry` and `Limits` say what is allowed, `Secret` holds the key. What needs aiohttp
loads when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mediatoolkit.transport.answer import Answer, Refusal, error_by_status
from mediatoolkit.transport.policy import Limits, Retry, Timeout, call_within, timeout_of
from mediatoolkit.transport.secret import Secret

if TYPE_CHECKING:
    from mediatoolkit.transport.arrival import download
    from mediatoolkit.transport.client import Transport
    from mediatoolkit.transport.session import SessionRegistry, sessions

__all__ = [
    "Answer",
    "Limits",
    "Refusal",
    "Retry",
    "Secret",
    "SessionRegistry",
    "Timeout",
    "Transport",
    "call_within",
    "download",
    "error_by_status",
    "sessions",
    "timeout_of",
]

_LATER = {
    "SessionRegistry": "session",
    "Transport": "client",
    "download": "arrival",
    "sessions": "session",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
