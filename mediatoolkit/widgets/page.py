"""What several widgets share of the page, and the way from its threads to the loop of the cells."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent

Bundle = tuple[dict[str, Any], dict[str, Any]]


def script(*names: str) -> str:
    """The files *names* behind `page.js`, as one script."""
    return "\n".join((_HERE / name).read_text() for name in ("page.js", *names))


def style(*names: str) -> str:
    """The files *names* behind `page.css`, as one style sheet.

    As text: of a path, anywidget would keep every widget for good.
    """
    return "\n".join((_HERE / name).read_text() for name in ("page.css", *names))


def with_html(bundle: Bundle | None, html: str) -> Bundle:
    """A widget's bundle, with what stands in for it where no widget can be shown."""
    data, metadata = bundle or ({}, {})
    return {**data, "text/html": html}, metadata


def cross(
    loop: asyncio.AbstractEventLoop | None, call: Callable[..., object], *args: object
) -> None:
    """Call on *loop* from whatever thread a message of the page arrives in.

    Args:
        loop: The loop of the cells the widget was made in. None where there was none: then it is
            called here. Nothing happens when it is closed.
        call: What to do.
        args: For *call*.
    """
    if loop is None:
        call(*args)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(call, *args)


def counted(number: int, noun: str) -> str:
    """Such as `2,000 pictures` or `1 picture`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
