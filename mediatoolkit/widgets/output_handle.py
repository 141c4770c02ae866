"""A display that can be replaced under an Output widget, where JupyterLab ignores such updates.

`interact`, `Tab`, `Accordion` and `with out:` all show through Output widgets.
See https://github.com/jupyter-widgets/ipywidgets/issues/1180.
"""

from collections.abc import Iterable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from ipywidgets import Output
from ipywidgets.widgets.widget import _instances

_VIEW = "application/vnd.jupyter.widget-view+json"


def capturing(message: str) -> list[Output]:
    """The Output widgets that take what is displayed because of *message*, a message id."""
    outputs = [widget for widget in list(_instances.values()) if isinstance(widget, Output)]
    return [output for output in outputs if message and output.msg_id == message]


class OutputHandle(Output):  # type: ignore[misc]  # ipywidgets has no types
    """What `DisplayHandle` is in a cell: an Output of its own, whose content Python replaces.

    It lives as long as the Output around it shows it.

    Args:
        around: The Outputs that take what is displayed; one of them will show it.
    """

    def __init__(self, around: Iterable[Output]) -> None:
        """Show nothing before `display`."""
        super().__init__()
        for output in around:
            output.observe(self._close_if_gone, "outputs")

    def display(
        self, shown: object, *, raw: bool = False, metadata: dict[str, Any] | None = None
    ) -> None:
        """Show *shown*, or MIME data if *raw*, where displays of the running cell go."""
        self.update(shown, raw=raw, metadata=metadata)
        display(self)

    def update(
        self, shown: object, *, raw: bool = False, metadata: dict[str, Any] | None = None
    ) -> None:
        """Show *shown* in the place of what was shown before; told again if it is the same."""
        if raw:
            data, metadata = shown, metadata or {}
        else:
            formatter: Any = InteractiveShell.instance().display_formatter
            data, metadata = formatter.format(shown)
        output = {"output_type": "display_data", "data": data, "metadata": metadata}
        with self.hold_sync():
            for outputs in ((), (output,)):
                self.set_trait("outputs", outputs)

    def close(self) -> None:
        """Leave the page; every widget brings a layout along, which would stay behind."""
        if self.comm is not None:
            self.layout.close()
        super().close()

    def __repr__(self) -> str:
        """The line of what it shows, for a front end without widgets."""
        return "".join(str(output["data"].get("text/plain", "")) for output in self.outputs)

    def _close_if_gone(self, change: Any) -> None:
        if self._is_in(change.old) and not self._is_in(change.new):
            change.owner.unobserve(self._close_if_gone, "outputs")
            self.close()

    def _is_in(self, outputs: tuple[dict[str, Any], ...]) -> bool:
        views = [output.get("data", {}).get(_VIEW, {}) for output in outputs]
        return any(view.get("model_id") == self.model_id for view in views)
