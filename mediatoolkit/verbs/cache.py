"""The cache of this kernel's default store."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from mediatoolkit.caching import Cache, CacheMode, CacheSize, settings
from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.providers.registry import vendors
from mediatoolkit.runtime.context import CallContext, Timeout, context_for
from mediatoolkit.runtime.job import Job, start_job
from mediatoolkit.store import Store
from mediatoolkit.verbs.kinds import AGENTS

T = TypeVar("T")

_SAYS = {
    CacheMode.OFF: "off: nothing is read or kept",
    CacheMode.ON: "on: a request that was made before is answered from what was kept",
    CacheMode.REFRESH: "refresh: every request is sent, and its result is kept",
    CacheMode.ONLY: "only: nothing is sent; what was kept is all there is",
}


class ResultCache:
    """What was kept of earlier requests, in the default store; public as `mt.cache`.

    It is off until `mt.cache.default = True`, `mt.configure(cache=True)`, `cache=True` in a call
    or agent, or the environment variable `MEDIATOOLKIT_CACHE=1` turns it on.
    """

    @property
    def default(self) -> bool | str | None:
        """What calls do that say nothing: False, True, `"refresh"` or `"only"`.

        None, as at the start, leaves it to the environment.

        Raises:
            PromptError: It is set to something else; nothing is changed.
        """
        return settings.default

    @default.setter
    def default(self, word: bool | str | None) -> None:
        settings.default = word

    def clear(
        self, *, older_than: timedelta | float | None = None, model: str | None = None
    ) -> Job[int]:
        """Forget what was kept; the media itself stays in the store.

        Args:
            older_than: Only what was kept longer ago than that; a number is seconds.
            model: Only what this model made, by its model id, or all models of a vendor.

        Returns:
            A job that is already at it; awaiting it gives how many results are forgotten. In a
            script, `.result()` waits for it.

        Raises:
            PromptError: *model* is neither a model id nor a vendor; or *older_than* is something
                else, which the job raises.
            StorageError: An entry cannot be deleted; raised by the job.
        """
        if isinstance(model, str) and "/" not in model:
            _check_vendor(model)
        cache = Cache(Store.default())
        return _job(partial(cache.clear, older_than=older_than, model=model), "clear the cache")

    def size(self) -> Job[CacheSize]:
        """Count what is kept.

        Returns:
            A job; awaiting it gives `entries` and `bytes`, media included.
        """
        return _job(Cache(Store.default()).size, "count what is kept")

    def __repr__(self) -> str:
        """One line; looks at no file."""
        try:
            return f"cache {_SAYS[settings.mode()]}"
        except PromptError as error:  # of the environment; to look is no reason to fail
            return f"cache: {error}"


def _job(work: Callable[[], Awaitable[T]], label: str) -> Job[T]:
    """Start *work* as a job, which shows itself nowhere."""

    async def run(_context: CallContext) -> T:
        return await work()

    return start_job(lambda: Job(run, context_for(None, Timeout(total=600)), label=label))


def _check_vendor(name: str) -> None:
    known = sorted({vendor for agent in AGENTS.values() for vendor in vendors(agent.client_type)})
    if name not in known:
        raise PromptError(
            f"{quoted(name)} is neither a model id such as 'gemini/{name[:40]}' nor a vendor: "
            f"{', '.join(known)}."
        )


cache = ResultCache()
"""The cache of this kernel."""
