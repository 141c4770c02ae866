"""What all our widgets share: they trust no page, and answer it on the loop of the cells."""

import asyncio
import contextvars
import json
import re
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import anywidget

from mediatoolkit.errors import MediaToolkitError
from mediatoolkit.runtime import loops
from mediatoolkit.widgets.job_row import Failure

_JS = Path(__file__).with_name("js")
_IMPORT = re.compile(r'^import \{[^}]*\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


class Panel(anywidget.AnyWidget):
    """A widget whose messages cross to one loop.

    A page may be somebody else's notebook, so only the traits in `from_page` are taken from it.

    Args:
        loop: Where messages are answered; left out, the loop that runs. Without any, they are
            answered in the thread they come in.
        traits: First values.
    """

    from_page: ClassVar[frozenset[str]] = frozenset()
    """Names of the traits that a page may change."""

    def __init__(self, loop: loops.Loop | None = None, **traits: Any) -> None:
        """Open the way to the page."""
        self._loop = loop or loops.running()
        self._tasks: set[asyncio.Task[object]] = set()
        super().__init__(**traits)
        self.on_msg(self._hear)

    def answer(self, content: Any, buffers: Sequence[Any]) -> None:
        """Act on a message of the page, on the loop of the cells; it may be anything."""

    def fail(self, failure: Failure) -> None:
        """Show what went wrong in a task; of strangers' errors the log has more."""

    def begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Do *work* for the page on the running loop, until the widget is closed."""
        name = f"mediatoolkit {type(self).__name__}"
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def cross(self, call: Callable[..., object], *args: object) -> None:
        """Call on the widget's loop, from any thread; nothing happens when that is closed."""
        if self._loop is None:
            call(*args)
        elif not self._loop.is_closed():
            # In an empty context, so that what it starts belongs to no cell of long ago.
            self._loop.call_soon_threadsafe(call, *args, context=contextvars.Context())

    def close(self) -> None:
        """Leave the page and end what is done for it."""
        if self.comm is not None:  # None where it is closed, or was never opened
            for task in list(self._tasks):
                task.cancel()
            self.layout.close()  # every widget brings one along, which would stay behind
        super().close()

    def set_state(self, sync_data: object) -> None:
        """Take what a page has changed."""
        known = sync_data.items() if isinstance(sync_data, dict) else ()
        allowed = {
            name: value for name, value in known if name in self.from_page and can_be_sent(value)
        }
        super().set_state(allowed)

    def __reduce__(self) -> NoReturn:
        """Refuse: a page of this kernel shows it."""
        name = type(self).__name__
        raise TypeError(
            f"This {name} belongs to a page of this kernel, so it is never pickled; make it where "
            f"it is shown: {name}(…)."
        )

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """As `__reduce__`, which traitlets' own `__reduce_ex__` would bypass."""
        self.__reduce__()

    def _hear(self, _view: object, content: object, buffers: Sequence[Any]) -> None:
        """Runs in whatever thread the page's message arrives in."""
        if can_be_sent(content):
            self.cross(self.answer, content, buffers)

    def _ended(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self.fail(Failure.of(error, told_by="the kernel's log"))
        if not isinstance(error, MediaToolkitError):
            message = f"{type(self).__name__} failed to answer its page"
            fault = {"message": message, "exception": error, "task": task}
            task.get_loop().call_exception_handler(fault)


def can_be_sent(value: object) -> bool:
    """Whether a value from a page can be sent to a page; half of a surrogate pair cannot."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def script(name: str) -> str:
    """The module *name* and all that it imports, as the one module that anywidget wants.

    A module stands behind those it imports; so that the joined text reads well, the names at the
    top of our modules are unique within a widget.
    """
    modules: dict[Path, str] = {}
    _collect(_JS / name, modules)
    return "\n".join(modules.values())


def _collect(path: Path, modules: dict[Path, str]) -> None:
    text = path.read_text()
    for imported in _IMPORT.findall(text):
        beside = (path.parent / imported).resolve()
        if beside not in modules:
            _collect(beside, modules)
    modules[path.resolve()] = _EXPORT.sub("", _IMPORT.sub("", text))


def style(*names: str) -> str:
    """Read the files *names* behind `page.css`, as one style sheet.

    As text: of a path, anywidget would keep every widget for good.
    """
    return "\n".join((_JS / name).read_text() for name in ("page.css", *names))
