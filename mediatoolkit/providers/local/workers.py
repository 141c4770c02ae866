"""The threads in which the embedded engines work, and the clients around them."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import ClassVar, TypeVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import ClosedError, UnknownModelError
from mediatoolkit.media import Media
from mediatoolkit.prompts import Prompt
from mediatoolkit.providers.base import Client
from mediatoolkit.runtime.context import CallContext, Timeout, timeout_of
from mediatoolkit.runtime.workers import Tell, Workers

T = TypeVar("T")
P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)
Progress = Callable[[str, float], None]


class LocalClient(Client[P, M]):
    """A client of an embedded engine: no key, no network.

    Args:
        model: One of the catalog's.
        timeout: One deadline over the whole call.

    Attributes:
        default_timeout: Durations of a call when nobody says otherwise.
        workers: Where the work is done; all clients of a class share them.

    Raises:
        UnknownModelError: There is no such model.
    """

    provider = "local"
    is_free: ClassVar[bool] = True
    default_timeout: ClassVar[Timeout]
    workers: ClassVar[Workers]

    def __init__(self, *, model: str | None = None, timeout: float | Timeout | None = None) -> None:
        """Check the model."""
        names = [info.model_id.removeprefix("local/") for info in self.catalog]
        if model is not None and not (isinstance(model, str) and model in names):
            known = " or ".join(f'"local/{name}"' for name in names)
            raise UnknownModelError(f"The local engine has no model {quoted(model)}; use {known}.")
        self.model = model or names[0]
        self.timeout = timeout_of(timeout, self.default_timeout)
        self._closed = False

    async def close(self) -> None:
        """Refuse later use; what is under way ends as its callers do."""
        self._closed = True

    async def _do(self, work: Callable[[Tell], T], context: CallContext) -> T:
        """As `Workers.do`, unless the client is closed."""
        if self._closed:
            raise ClosedError("This client is closed; make a new one.", provider=self.provider)
        context.provider = self.provider
        return await self.workers.do(work, context)


def missing_extra(what: str, *packages: str) -> str:
    """Why *what* cannot be made here and what to do, in one sentence; empty when it can."""
    if all(map(find_spec, packages)):
        return ""
    return f'{what} need a package that is not installed: pip install "mediatoolkit[local]".'
