"""Other people's code that calls `asyncio.run` inside a cell, which asyncio itself forbids."""

import asyncio
import sys
import warnings

from mediatoolkit.errors import MissingExtraError

_LOSES = (
    "asyncio is patched by nest_asyncio. With ipykernel 7 it loses cells and clicks that arrive "
    "while a nested call runs. Restart the kernel and use mt.allow_nested() in its place."
)
_WAITS = (
    "While a nested call runs, ipykernel {version} hears clicks such as Cancel only when the call "
    "is over. Stop works at once; so does Cancel for what is awaited instead."
)

_warned: list[str] = []


def allow_nested() -> None:
    """Let code in this kernel call `asyncio.run` and its like while a loop runs.

    Nothing here needs it; some libraries do. It patches asyncio with nest-asyncio2 for the whole
    process, until that ends. A click that comes during a nested call may wait for its end, which
    is told in a warning where it is so; Stop does not wait.

    Raises:
        MissingExtraError: nest-asyncio2 is not installed.
    """
    try:
        import nest_asyncio2
    except ImportError:
        missing = MissingExtraError(
            "Nested calls need nest-asyncio2: pip install 'mediatoolkit[nested]'"
        )
    else:
        warn_of_nesting()
        nest_asyncio2.apply()
        if _ipykernel() >= (7, 4):
            _warn(_WAITS.format(version=".".join(map(str, _ipykernel()[:2]))))
        return
    raise missing


def warn_of_nesting() -> None:
    """Warn, once, where a kernel was patched by what does not work in it."""
    old = hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2")
    if old and _ipykernel() >= (7,):
        _warn(_LOSES)


def _warn(message: str) -> None:
    if message not in _warned:
        _warned.append(message)
        warnings.warn(message, stacklevel=3)


def _ipykernel() -> tuple[int, ...]:
    """Its version, or () where there is no kernel."""
    ipykernel = sys.modules.get("ipykernel")
    return tuple(getattr(ipykernel, "version_info", ()))[:2]
