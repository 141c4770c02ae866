"""Buttons in what a cell has shown, which work as long as their kernel lives.

What a job leaves behind is plain HTML, so that a saved notebook needs no kernel. The buttons in it
are hidden. One model for each kernel, shown nowhere, reveals those of its own kernel in every page
that looks at it, and brings their clicks back.
"""

import contextvars
import inspect
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import traitlets as t

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runtime import loops
from mediatoolkit.widgets import kernel
from mediatoolkit.widgets.job_row import Failure
from mediatoolkit.widgets.page import Panel, script, style

if TYPE_CHECKING:
    from mediatoolkit.widgets.viewer import Delivery

MOST = 500
"""Buttons of one kernel that work; when there are more, the oldest stop working."""

_clicked: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("mediatoolkit_clicked")
"""The page and the button whose click is answered; each message has a context of its own."""


class Buttons(Panel):
    """The buttons of one kernel; never displayed.

    A page that hears of it shows the buttons, and sends for each click which button it was and
    which page this is, since the same notebook may be open twice.

    Attributes:
        deliveries: The files that pages fetch, oldest first.
    """

    _esm = script("buttons.js")
    _css = style("buttons.css", "viewer.css")

    kernel = t.Unicode().tag(sync=True)
    """Which buttons are ours; another one after a restart."""

    def __init__(self, loop: loops.Loop) -> None:
        """Open the way to the page; actions run on *loop*."""
        self._actions: OrderedDict[str, Callable[[], object]] = OrderedDict()
        self.deliveries: list[Delivery] = []
        super().__init__(loop, kernel=secrets.token_hex(4))

    def html(self, label: str, action: Callable[[], object], *, title: str = "") -> str:
        """Make a button that is seen, and runs *action*, only while this kernel lives.

        Args:
            label: What stands on it, plain text.
            action: Called on the kernel's own loop; a coroutine that it returns is awaited. An
                error is shown beside the button. The last 500 are kept, so it must not hold media.
            title: What it does, for who points at it or cannot see where it stands.
        """
        words = f' title="{escape(title)}" aria-label="{escape(title)}"' if title else ""
        # Twice hidden: one kind of page drops the attribute, another the style.
        return (
            f'<button type="button" class="mt-button" hidden style="display:none" '
            f'data-mt-kernel="{self.kernel}" data-mt-act="{self.keep(action)}"{words}>'
            f"{escape(label)}</button>"
        )

    def keep(self, action: Callable[[], object]) -> str:
        """Return the token by which a page asks for *action*; safe from any thread."""
        token = secrets.token_hex(4)
        self._actions[token] = action
        if len(self._actions) > MOST:
            self._actions.popitem(last=False)
        return token

    def drop(self, *tokens: str) -> None:
        """Forget the actions of *tokens*; no harm if they are gone."""
        for token in tokens:
            self._actions.pop(token, None)

    def tell(self, message: Mapping[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send *message* to the page whose click is answered, or else to every page."""
        self.send({**message, **_clicked.get({})}, buffers=list(buffers))

    def answer(self, content: Any, _buffers: Sequence[Any]) -> None:
        """Begin the action of a button."""
        match content:
            case {"act": str(token), "page": str(page)}:
                _clicked.set({"page": page, "near": token})
                self.tell({"took": token})
                self.begin(self._act(token))

    def fail(self, failure: Failure) -> None:
        """Show *failure* beside the button."""
        self.tell({"say": str(failure)})

    async def _act(self, token: str) -> None:
        action = self._actions.get(token)
        if action is None:
            raise MediaToolkitError("This button is from long ago; run its cell again.")
        result = action()
        if inspect.iscoroutine(result):
            await result


def of_kernel() -> Buttons:
    """The model of this kernel, known to its pages from now on; safe from any thread.

    Raises:
        MediaToolkitError: There is no kernel, or no widgets in it.
    """
    this = kernel.here()
    if this is None or not kernel.shows_widgets():
        raise MediaToolkitError("There is no page to ask: no Jupyter kernel, or no widgets in it.")
    with this.lock:
        if this.buttons is None:
            this.buttons = Buttons(this.loop)
        return this.buttons
