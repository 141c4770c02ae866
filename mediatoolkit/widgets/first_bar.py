"""The first bar of a kernel, shown before the modules that draw better ones are imported."""

import os
import re
import sys
from html import escape
from typing import Any

from IPython import get_ipython
from IPython.display import DisplayHandle

_bars: dict[str, DisplayHandle] = {}


def html(title: str, words: str) -> str:
    """A bar at its beginning, of plain text below *title*."""
    return (
        f'<div style="max-width:560px;padding:10px 14px;line-height:1.5"><strong>{escape(title)}'
        '</strong><progress class="mt-first-bar" max="1" value="0" aria-label="Progress" '
        'style="display:block;width:100%;height:6px;margin:10px 0 5px"></progress>'
        f'<div style="opacity:.75;font-size:.9em">{escape(words)}</div></div>'
    )


def shows_progress() -> bool:
    """Whether cells show how far their jobs are; otherwise only how they ended, once.

    `MEDIATOOLKIT_PROGRESS=off` says that they do not, and `on` that they do. nbval compares the
    outputs of a notebook with saved ones and follows no replacement, so under it they do not.
    """
    setting = os.environ.get("MEDIATOOLKIT_PROGRESS")
    if setting:
        return setting != "off"
    return "ipynb::" not in os.environ.get("PYTEST_CURRENT_TEST", "")


def show(verb: str) -> None:
    """Show a bar in the running cell, if that calls *verb*; what is made there takes its place."""
    shell = get_ipython()
    parent = shell.get_parent() if getattr(shell, "kernel", None) is not None else {}
    header = parent.get("header", {})
    code = parent.get("content", {}).get("code", "")
    message = header.get("msg_id", "")
    is_cell = header.get("msg_type") == "execute_request"
    if not (is_cell and shows_progress()) or message in _bars or _is_captured(message):
        return
    if re.search(rf"\b{verb}\s*\(", code) is None:
        return
    handle = _bars[message] = DisplayHandle()
    bar = html("Starting", "loading the toolkit")
    handle.display({"text/html": bar, "text/plain": "starting"}, raw=True)
    shell.events.register("post_run_cell", _clear)


def take(message: str) -> DisplayHandle | None:
    """The bar that stands in the cell of *message*, to be replaced by the caller, or None."""
    return _bars.pop(message, None)


def _clear(_result: object) -> None:
    """Take away what nobody has replaced, such as the bar of a call that was refused."""
    get_ipython().events.unregister("post_run_cell", _clear)
    while _bars:
        _, handle = _bars.popitem()
        handle.update({"text/plain": ""}, raw=True)


def _is_captured(message: str) -> bool:
    """Whether an Output widget takes what the cell displays; there nothing can be replaced."""
    widgets: Any = sys.modules.get("ipywidgets.widgets.widget")
    # Another thread may be about to import it, and nothing is shown through it yet.
    shown = list(getattr(widgets, "_instances", {}).values())
    return any(getattr(widget, "msg_id", None) == message for widget in shown)
