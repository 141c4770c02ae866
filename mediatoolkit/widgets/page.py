"""What several widgets share of the page, and the way from its threads to the loop of the cells."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from mediatoolkit.errors import MediaToolkitError

_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)

Bundle = tuple[dict[str, Any], dict[str, Any]]


class Guarded:
    """A mixin for our widgets, which trust no page.

    A page may be somebody else's notebook, so only the traits in `from_page` are taken from it.
    """

    from_page: ClassVar[frozenset[str]] = frozenset()
    """Names of the traits that a page may change."""

    def set_state(self, sync_data: object) -> None:
        """Take what a page has changed."""
        known = sync_data.items() if isinstance(sync_data, dict) else ()
        allowed = {
            name: value for name, value in known if name in self.from_page and can_be_sent(value)
        }
        super().set_state(allowed)  # type: ignore[misc]

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


def can_be_sent(value: object) -> bool:
    """Whether what a page said can be sent to a page again; half a letter cannot."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def begin(
    tasks: set[asyncio.Task[None]],
    work: Coroutine[Any, Any, None],
    *,
    name: str,
    tell: Callable[[str], object],
) -> None:
    """Do *work* for a page on the running loop; a failure of it is told to the page.

    Args:
        tasks: Holds it until it is done.
        work: What to do.
        name: Of the task.
        tell: Gets a failure in words.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work, name=f"mediatoolkit {name}")
    tasks.add(task)

    def ended(done: asyncio.Task[None]) -> None:
        tasks.discard(done)
        error = None if done.cancelled() else done.exception()
        if isinstance(error, MediaToolkitError):
            tell(str(error))
        elif error is not None:
            tell(f"{type(error).__name__} came unexpectedly; the kernel's log shows where from.")
            fault = {"message": f"The {name} failed", "exception": error, "task": done}
            loop.call_exception_handler(fault)

    task.add_done_callback(ended)


def script(name: str) -> str:
    """The module *name* and all that it imports, as the one module that anywidget wants.

    A module stands behind those it imports; so that the joined text reads well, the names at the
    top of our modules are unique within a widget.
    """
    modules: dict[Path, str] = {}
    _collect(_HERE / name, modules)
    return "\n".join(modules.values())


def _collect(path: Path, modules: dict[Path, str]) -> None:
    text = path.read_text()
    for imported in _IMPORT.findall(text):
        beside = (path.parent / imported).resolve()
        if beside not in modules:
            _collect(beside, modules)
    modules[path.resolve()] = _EXPORT.sub("", _IMPORT.sub("", text))


def style(*names: str) -> str:
    """The files *names* behind `page.css`, as one style sheet.

    As text: of a path, anywidget would keep every widget for good.
    """
    return "\n".join((_HERE / name).read_text() for name in ("page.css", *names))


def with_html(bundle: Bundle | None, html: str) -> Bundle:
    """A widget's bundle, with what stands in for it where no widget can be shown."""
    data, metadata = bundle or ({}, {})
    return {**data, "text/html": html}, metadata


def cross(
    loop: asyncio.AbstractEventLoop | None, call: Callable[..., object], *args: object
) -> None:
    """Call on *loop* from whatever thread a message of the page arrives in.

    Args:
        loop: The loop of the cells the widget was made in. None where there was none: then it is
            called here. Nothing happens when it is closed.
        call: What to do.
        args: For *call*.
    """
    if loop is None:
        call(*args)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(call, *args)


def counted(number: int, noun: str) -> str:
    """Such as `2,000 pictures` or `1 picture`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
