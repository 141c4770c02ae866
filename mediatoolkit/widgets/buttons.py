"""Buttons in what a cell has shown, which work as long as their kernel lives.

What a job leaves behind is plain HTML, so that a saved notebook needs no kernel. The buttons in it
are hidden. One model for each kernel, shown nowhere, reveals those of its own kernel in every page
that looks at it, and brings their clicks back. It also mounts the panels of its kernel, such as a
gallery, in the HTML that stands for them.

No token in that HTML is random, so that a notebook that is run again is saved as it was: a token is
made of what its button does. The page takes it only from the notebook of this kernel.
"""

import asyncio
import contextvars
import hashlib
import inspect
import secrets
from collections import Counter, OrderedDict
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
    from mediatoolkit.widgets.delivery import Delivery
    from mediatoolkit.widgets.mounted import MountedPanel
    from mediatoolkit.widgets.viewer import Viewer

MOST = 500
"""Buttons of one kernel that work; when there are more, the oldest stop working."""

PATIENCE = 2.0
"""Seconds of quiet, twice, after which a page that can mount panels is not expected any more."""

_clicked: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("mediatoolkit_clicked")
"""The page and the button whose click is answered; each message has a context of its own."""


class Buttons(Panel):
    """The buttons and mounted panels of one kernel; never displayed itself.

    A page that hears of it shows the buttons, and sends for each click which button it was and
    which page this is, since the same notebook may be open twice.

    Attributes:
        deliveries: The files that pages fetch, oldest first.
        viewers: The viewers that are open, oldest first, by their names.
        panels: The mounted panels by their tokens.
        is_seen: Whether a page has said that it can mount.
        is_without_mounts: Whether panels are shown as widgets, since no page has.
    """

    _esm = script("buttons.js")
    _css = style("buttons.css", "viewer.css")

    kernel = t.Unicode().tag(sync=True)
    """Which kernel this is; another one after a restart."""

    known = t.List(t.Unicode()).tag(sync=True)
    """Tokens of the buttons that work."""

    mounts = t.Dict().tag(sync=True)
    """Model ids of the mounted panels by their tokens."""

    def __init__(self, loop: loops.Loop) -> None:
        """Open the way to the page; actions run on *loop*."""
        self._actions: OrderedDict[str, Callable[[], object]] = OrderedDict()
        self._times: Counter[str] = Counter()
        self.deliveries: list[Delivery] = []
        self.viewers: dict[str, Viewer] = {}
        self.panels: dict[str, MountedPanel] = {}
        self.is_seen = self.is_without_mounts = False
        super().__init__(loop, kernel=secrets.token_hex(4))

    def html(
        self, label: str, action: Callable[[], object], *, title: str = "", key: str = ""
    ) -> str:
        """Make a button that is seen, and runs *action*, only while this kernel lives.

        Args:
            label: What stands on it, plain text.
            action: Called on the kernel's own loop; a coroutine that it returns is awaited. An
                error is shown beside the button. The last 500 are kept, so it must not hold media.
            title: What it does, for who points at it or cannot see where it stands.
            key: Names what it acts on; buttons of one label and key do the same. Left out, this
                button is one of its own.
        """
        words = f' title="{escape(title)}" aria-label="{escape(title)}"' if title else ""
        token = self._token(f"{label}\n{key}") if key else self._new_token(f"{label}\n{title}")
        self._keep(token, action)
        self.cross(self._tell_known)
        # Twice hidden: one kind of page drops the attribute, another the style.
        return (
            f'<button type="button" class="mt-button" hidden style="display:none" '
            f'data-mt-act="{token}"{words}>{escape(label)}</button>'
        )

    def keep(self, action: Callable[[], object]) -> str:
        """Return the token by which a page asks for *action*; safe from any thread."""
        token = secrets.token_hex(4)
        self._keep(token, action)
        return token

    def mount(self, panel: "MountedPanel", html: str, token: str = "") -> str:
        """Return a token by which pages put *panel* in the place of *html*; *token* if given."""
        token = token or self._new_token(f"{type(panel).__name__}\n{html}")
        if not (self.panels or self.is_seen):
            self.cross(self._expect_page)
        self.panels[token] = panel
        self._tell_mounts()
        return token

    def save_panels(self) -> None:
        """Have the outputs of all panels show what those show now; safe from any thread."""
        for panel in list(self.panels.values()):
            self.cross(self._save, panel)

    def unmount(self, token: str) -> None:
        """Have pages show the HTML again."""
        if self.panels.pop(token, None) is not None:
            self._tell_mounts()

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
                self.answer_to(page, token)
                self.tell({"took": token})
                self.begin(self._act(token))
            case {"left": str(token)} if token in self.panels:
                self._save(self.panels[token])
            case {"page": "here"}:
                self.is_seen, self.is_without_mounts = True, False
                self._show_panels()
            case {"viewer": str(name), "page": str(page), "at": int(at)} if name in self.viewers:
                self.answer_to(page)
                self.begin(self.viewers[name].go(at))
            case {"viewer": str(name), "over": True} if name in self.viewers:
                self.viewers[name].close()

    @staticmethod
    def answer_to(page: str, near: str = "") -> None:
        """Have what is told in this context reach that page alone, beside the button *near*."""
        _clicked.set({"page": page, "near": near} if near else {"page": page})

    def fail(self, failure: Failure) -> None:
        """Show *failure* beside the button."""
        self.tell({"say": str(failure)})

    def _keep(self, token: str, action: Callable[[], object]) -> None:
        self._actions[token] = action
        self._actions.move_to_end(token)
        if len(self._actions) > MOST:
            self._actions.popitem(last=False)

    def _new_token(self, text: str) -> str:
        """A token that no other call gives; the same in each kernel that makes the same calls."""
        digest = self._token(text)  # a text may be the HTML of a whole gallery
        self._times[digest] += 1
        return self._token(f"{text}\n{self._times[digest]}")

    @staticmethod
    def _token(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _tell_known(self) -> None:
        """Runs on the loop: one message for all that was made meanwhile."""
        self.known = list(self._actions)

    def _save(self, panel: "MountedPanel") -> None:
        if panel.is_stale:
            panel.begin(panel.save())

    def _expect_page(self, quiet: int = 0) -> None:
        """Show the panels as widgets when no page can mount them.

        A program that executes notebooks leaves its kernel no quiet moment, and keeps the HTML.
        """
        this = kernel.here()
        if self.is_seen or this is None:
            return
        if quiet > 1:
            self.is_without_mounts = True
            self._show_panels()
            return
        quiet = 0 if this.is_busy else quiet + 1
        asyncio.get_running_loop().call_later(PATIENCE, self._expect_page, quiet)

    def _show_panels(self) -> None:
        for panel in list(self.panels.values()):
            panel.show_as_expected()

    def _tell_mounts(self) -> None:
        self.mounts = {token: panel.model_id for token, panel in list(self.panels.items())}

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
