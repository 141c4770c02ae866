"""Buttons in what a cell has shown, which work as long as their kernel lives.

What a job leaves behind is plain HTML, so that a saved notebook needs no kernel. The buttons in it
are hidden. One model for each kernel, shown nowhere, reveals those of its own kernel in every page
that looks at it, and brings their clicks back.
"""

import asyncio
import contextvars
import inspect
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t
from IPython import get_ipython

from mediatoolkit.errors import MediaToolkitError

Action = Callable[[], object]

MOST = 500
"""Buttons of one kernel that work; beyond, the oldest do not any more."""

_HERE = Path(__file__).parent
_SCRIPTS = ("recall.js", "viewer.js", "controls.js")
_STYLES = ("controls.css", "viewer.css")

_asker: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("mediatoolkit_asker")
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
        HTML; empty outside a kernel. Safe from any thread.
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
        raise MediaToolkitError("Outside a Jupyter kernel there is no page to ask.")
    return controls.keep(action)


def drop(*tokens: str) -> None:
    """Forget what the page asks for no more."""
    controls = _of_this_kernel()
    if controls is not None:
        controls.drop(*tokens)


def tell(message: Mapping[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
    """Send *message* to the page whose click is answered, or else to every page."""
    controls = _of_this_kernel()
    if controls is not None:
        controls.tell(message, buffers)


class Controls(anywidget.AnyWidget):
    """The buttons of one kernel; never displayed.

    A page that hears of it shows the buttons, and sends for each click which button it was and
    which page this is, since the same notebook may be open twice.
    """

    _esm = "".join((_HERE / name).read_text() for name in _SCRIPTS)
    _css = "".join((_HERE / name).read_text() for name in _STYLES)

    kernel = t.Unicode().tag(sync=True)
    """Which buttons are ours; another one after a restart."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the way to the page; actions run on *loop*."""
        self._loop = loop
        self._actions: OrderedDict[str, Action] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()
        super().__init__(kernel=secrets.token_hex(4))
        self.on_msg(self._hear)

    def keep(self, action: Action) -> str:
        """The word by which a page asks for *action*."""
        token = secrets.token_hex(4)
        with _lock:
            self._actions[token] = action
            while len(self._actions) > MOST:
                self._actions.popitem(last=False)
        return token

    def drop(self, *tokens: str) -> None:
        """Forget the actions of *tokens*; no harm if they are gone."""
        with _lock:
            for token in tokens:
                self._actions.pop(token, None)

    def tell(self, message: Mapping[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send *message* to the page whose click is answered, or else to every page."""
        self.send({**message, **_asker.get({})}, buffers=list(buffers))

    def _hear(self, _model: object, content: object, _buffers: object) -> None:
        """Runs in whatever thread the front end's message arrives in."""
        match content:
            case {"act": str(token), "page": str(page)}:
                context = contextvars.Context()  # what is shown belongs to no cell of long ago
                context.run(_asker.set, {"page": page, "near": token})
                self._loop.call_soon_threadsafe(self._begin, token, context=context)

    def _begin(self, token: str) -> None:
        self.tell({"took": token})
        work = asyncio.ensure_future(self._act(token))
        self._running.add(work)
        work.add_done_callback(self._ended)

    async def _act(self, token: str) -> None:
        action = self._actions.get(token)
        if action is None:
            raise MediaToolkitError("This button is from long ago; run its cell again.")
        result = action()
        if inspect.iscoroutine(result):
            await result

    def _ended(self, work: "asyncio.Task[None]") -> None:
        self._running.discard(work)
        error = None if work.cancelled() else work.exception()
        if error is None:
            return
        self.tell({"say": message_of(error)})
        if not isinstance(error, MediaToolkitError):
            fault = {"message": "A button's action failed", "exception": error, "task": work}
            self._loop.call_exception_handler(fault)


def message_of(error: BaseException) -> str:
    """Our own messages are safe to keep in a page; of a stranger's only the type is."""
    if isinstance(error, MediaToolkitError):
        return f"{type(error).__name__}: {error}"
    return f"{type(error).__name__} came unexpectedly; the kernel's log says where from."


def _of_this_kernel() -> Controls | None:
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return None
    with _lock:
        if not _made:
            _made.append(Controls(kernel.io_loop.asyncio_loop))
        return _made[0]
