"""What several widgets share of the page and of the loop behind it."""

import asyncio
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent

Bundle = tuple[dict[str, Any], dict[str, Any]]


def script(*names: str) -> str:
    """The files *names* behind `page.js`, as one script."""
    return "\n".join((_HERE / name).read_text() for name in ("page.js", *names))


def style(name: str) -> Path:
    """The style sheet *name*."""
    return _HERE / name


def with_html(bundle: Bundle | None, html: str) -> Bundle:
    """A widget's bundle, with what stands in for it where no widget can be shown."""
    data, metadata = bundle or ({}, {})
    return {**data, "text/html": html}, metadata


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of the cells when a widget is made in one; None elsewhere."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def counted(number: int, noun: str) -> str:
    """Such as `2,000 pictures` or `1 picture`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
