"""The one model of a kernel behind all buttons in its outputs."""

import asyncio
import contextvars
import inspect
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anywidget
import traitlets as t

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.widgets.outputs.failure import Failure
from mediatoolkit.widgets.page import Guarded, script, style

Action = Callable[[], object]

MOST = 500
"""Buttons of one kernel that work; beyond, the oldest do not any more."""

_asker: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("mediatoolkit_asker")
_lock = threading.Lock()


class Controls(Guarded, anywidget.AnyWidget):
    """The buttons of one kernel; never displayed.

    A page that hears of it shows the buttons, and sends for each click which button it was and
    which page this is, since the same notebook may be open twice.
    """

    _esm = script("outputs/controls.js")
    _css = style("outputs/controls.css", "outputs/viewer.css")

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
            case {"act": str(token), "page": str(page)} if (token + page).isascii():
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
        self.tell({"say": str(Failure.of(error, told_by="the kernel's log"))})
        if not isinstance(error, MediaToolkitError):
            fault = {"message": "A button's action failed", "exception": error, "task": work}
            self._loop.call_exception_handler(fault)
