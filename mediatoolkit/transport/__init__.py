"""The only room that speaks HTTP: one session per loop, one deadline, nothing paid twice.

`Transport` sends one provider's calls, `sessions` owns the connections, `Timeout`, `Retry` and
`Limits` say what is allowed, `Secret` holds the key. What needs aiohttp loads when first used.
"""

from typing import TYPE_CHECKING, Any

from mediatoolkit.transport.answer import Answer, Refusal, error_by_status
from mediatoolkit.transport.policy import Limits, Retry, Timeout, seconds_of
from mediatoolkit.transport.secret import Secret

if TYPE_CHECKING:
    from mediatoolkit.transport.client import Transport

__all__ = [
    "Answer",
    "Limits",
    "Refusal",
    "Retry",
    "Secret",
    "Timeout",
    "Transport",
    "error_by_status",
    "seconds_of",
]


def __getattr__(name: str) -> Any:
    if name == "Transport":
        from mediatoolkit.transport.client import Transport

        return Transport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
