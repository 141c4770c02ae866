"""Buttons in what a cell has shown, which work as long as their kernel lives.

What a job leaves behind is plain HTML, so that a saved notebook needs no kernel. The buttons in it
are hidden. One model for each kernel, shown nowhere, reveals those of its own kernel in every page
that looks at it, and brings their clicks back.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.widgets import frontend, kernel

if TYPE_CHECKING:
    from mediatoolkit.widgets.outputs.switchboard import Controls

Action = Callable[[], object]

_lock = threading.Lock()
_made: list["Controls"] = []


def button(label: str, action: Action, *, title: str = "") -> str:
    """HTML of a button that is seen, and runs *action*, only while this kernel lives.

    Args:
        label: What stands on it, plain text.
        action: Called on the kernel's own loop; what it returns is awaited if it is a coroutine.
            An error is told beside the button. The last 500 are kept, so it must not hold media.
        title: What it does, for who points at it or cannot see where it stands.

    Returns:
        HTML; empty outside a kernel, and where no widgets are. Safe from any thread.
    """
    controls = _of_this_kernel()
    if controls is None:
        return ""
    said = f' title="{escape(title)}" aria-label="{escape(title)}"' if title else ""
    return (
        f'<button type="button" class="mt-button" hidden style="display:none" '
        f'data-mt-kernel="{controls.kernel}" data-mt-act="{controls.keep(action)}"{said}>'
        f"{escape(label)}</button>"
    )  # twice hidden: one kind of page drops the attribute, another the style


def keep(action: Action) -> str:
    """A word by which the script of the page asks for *action*, as a button does.

    Raises:
        MediaToolkitError: There is no kernel.
    """
    controls = _of_this_kernel()
    if controls is None:
        raise MediaToolkitError("There is no page to ask: no Jupyter kernel, or no widgets in it.")
    return controls.keep(action)


def drop(*tokens: str) -> None:
    """Forget what the page asks for no more."""
    controls = _of_this_kernel()
    if controls is not None:
        controls.drop(*tokens)


def announce() -> None:
    """Make this kernel known to its pages, so that they hear what is told later."""
    _of_this_kernel()


def tell(message: Mapping[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
    """Send *message* to the page whose click is answered, or else to every page."""
    controls = _of_this_kernel()
    if controls is not None:
        controls.tell(message, buffers)


def _of_this_kernel() -> "Controls | None":
    if kernel.here() is None or not frontend.shows_widgets():
        return None
    from mediatoolkit.widgets.outputs.switchboard import Controls

    with _lock:
        if not _made:
            _made.append(Controls(kernel.loop_of_cells()))
        return _made[0]
