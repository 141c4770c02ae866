"""Panels that a saved notebook shows without a kernel.

JupyterLab prefers a widget to the HTML beside it even where no kernel is left to draw it, and then
says "Error displaying widget". So the output of a panel is HTML alone: its last pictures or table.
While the kernel lives, each page mounts the panel in the place of that HTML; see `buttons`.
"""

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from IPython.display import DisplayHandle

from mediatoolkit.widgets import buttons, kernel
from mediatoolkit.widgets.kernel import Bundle
from mediatoolkit.widgets.page import Panel

if TYPE_CHECKING:
    from mediatoolkit.widgets.jobs_view import Handle


class MountedPanel(Panel):
    """A panel that is displayed as HTML, and is live in every page that mounts it there.

    Where no page does so, as in VS Code, the widget itself takes the place of the HTML. Inside a
    layout of ipywidgets it is a widget as any other.

    Attributes:
        is_urgent: Whether it cannot wait for a page to say that it mounts panels: until one has,
            the widget is displayed, too.
        is_stale: Whether the HTML is older than what is shown.
        above: HTML that stands above it in the same output.
    """

    is_urgent: ClassVar[bool] = False

    saved: ClassVar[tuple[str, ...]] = ()
    """Names of the traits that change the HTML."""

    is_stale = False
    above = _html = _token = ""

    def __init__(self, *args: Any, **traits: Any) -> None:
        """Nothing is displayed yet."""
        self._handles: list[Handle] = []
        self._is_widget = False
        super().__init__(*args, **traits)
        if self.saved:
            self.observe(lambda _change: setattr(self, "is_stale", True), list(self.saved))

    def static_html(self) -> str:
        """What stands for it where no kernel is, about 100 kB at most; called in a thread, too."""
        raise NotImplementedError

    def first_html(self) -> str:
        """What is displayed at once; where `static_html` takes long, less than that."""
        return self.static_html()

    async def save(self) -> None:
        """Put what it shows now into the outputs that show it."""
        self.is_stale = False
        if self._handles:
            self._html = await asyncio.to_thread(self.static_html)
            self.show_again()

    def show_in(self, handle: "Handle", *, is_new: bool) -> None:
        """Display it in *handle* or, unless that *is_new*, in the place of what stands there."""
        data, metadata = self._repr_mimebundle_()
        show = handle.display if is_new else handle.update
        show(data, raw=True, metadata=metadata)
        self._handles.append(handle)

    def show_again(self) -> None:
        """Write the outputs anew."""
        this = kernel.here()
        if this is None:
            return
        with this.lock:  # whoever takes the panel away meanwhile has the last word
            if not self._handles:
                return
            data, metadata = bundle = self._repr_mimebundle_()
            for handle in self._handles:
                handle.update(data, raw=True, metadata=metadata)
                if not (this.is_busy or buttons.of_kernel().is_seen):
                    this.late_updates[handle] = bundle

    def show_as_expected(self) -> None:
        """Write the outputs anew if pages now expect them in the other form."""
        if self._is_widget != self._is_shown_as_widget():
            self.show_again()

    def unmount(self) -> None:
        """Have pages show the HTML again, or what has taken its place."""
        if self._token:
            buttons.of_kernel().unmount(self._token)
        self._token, self._handles = "", []

    def close(self) -> None:
        """Leave the page, where the HTML stays."""
        self.unmount()
        super().close()

    def _ipython_display_(self) -> None:
        if kernel.here() is None or self.comm is None:
            raise NotImplementedError  # IPython's word for going on as usual
        self.show_in(DisplayHandle(), is_new=True)

    def _repr_mimebundle_(self, **_kwargs: object) -> Bundle:
        self._html = self._html or self.first_html()
        page = buttons.of_kernel() if kernel.here() and kernel.shows_widgets() else None
        if page is not None and self.comm is not None:
            self._token = self._token or self._mount(page)
            self._is_widget = self._is_shown_as_widget()
            if self._is_widget:
                data, metadata = super()._repr_mimebundle_() or ({}, {})
                return {**data, "text/html": self._html}, metadata
        # What a page takes for formulas is sought in what it shows by then, also in the panel.
        marks = f'class="mt-mount mathjax_ignore tex2jax_ignore" data-mt-mount="{self._token}"'
        mount = f"<div {marks}>{self._html}</div>"
        above = self.above and f"<div>{self.above}</div>"
        return {"text/html": above + mount, "text/plain": repr(self)}, {}

    def _mount(self, page: buttons.Buttons) -> str:
        return page.mount(self, self._html)

    def _is_shown_as_widget(self) -> bool:
        page = buttons.of_kernel()
        return page.is_without_mounts or (self.is_urgent and not page.is_seen)
