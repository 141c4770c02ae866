"""`%media`: one line that shows and sets what holds for the whole kernel."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from IPython.display import DisplayHandle

from mediatoolkit import verbs
from mediatoolkit.caching import TYPED_WORDS, Cache, settings
from mediatoolkit.checks import meaning, quoted, visible
from mediatoolkit.errors import BudgetError, MediaToolkitError, PromptError
from mediatoolkit.magics.cells import MAGICS
from mediatoolkit.magics.outputs import PlainText
from mediatoolkit.pricing.budget import Budget, budget
from mediatoolkit.pricing.dollars import at_least
from mediatoolkit.providers.registry import (
    VARIABLES,
    client_for,
    default_choice,
    models,
)
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.job import Job, run
from mediatoolkit.store import Store
from mediatoolkit.transport.session import sessions
from mediatoolkit.verbs.keys import keys
from mediatoolkit.verbs.listing import Table
from mediatoolkit.verbs.models import SPEECH_LENGTH, list_price

__all__ = ["SUBJECTS", "MediaMagic"]

_VARIABLES = ("MEDIATOOLKIT_BUDGET", "MEDIATOOLKIT_CACHE", *VARIABLES.values())


class Subject(NamedTuple):
    """What `%media` takes.

    Attributes:
        summary: What it shows or does.
        words: What may follow it.
    """

    summary: str
    words: Iterable[str] = ()


SUBJECTS: Final = MappingProxyType(
    {
        "models": Subject("what can be asked, and what keeps the others from it"),
        "jobs": Subject("what runs, and what an earlier kernel left behind"),
        "sessions": Subject("open connections and what went over them"),
        "close": Subject("stop every job and close every session"),
        "budget": Subject(
            "what was spent, and the limit; an amount in US dollars sets it, off lifts it", ("off",)
        ),
        "cache": Subject(
            "whether results are kept; on, off, refresh and only set it, clear forgets them",
            (*TYPED_WORDS, "clear"),
        ),
        "config": Subject("default models, deadlines, keys that are set, where media is kept"),
    }
)
"""What can be asked of `%media`."""


class MediaMagic:
    """The magic `%media`.

    Args:
        shell: IPython's.
    """

    def __init__(self, shell: Any) -> None:
        """Keep the shell, whose loop `close` needs."""
        self._shell = shell
        self._closing: set[asyncio.Task[None]] = set()

    def media(self, line: str) -> object:
        """`%media models`, `jobs`, `sessions`, `close`, `budget`, `cache` or `config`.

        models      what can be asked, and what keeps the others from it
        jobs        what runs, and what an earlier kernel left behind
        sessions    open connections and what went over them
        close       stop every job and close every session; all can be used again
        budget      what was spent, and the limit; `budget 5.00` sets it, in US dollars, and
                    `budget off` lifts it
        cache       whether results are kept, and how many; `cache on`, `off`, `refresh` and
                    `only` set it for this kernel, `cache clear` forgets them, but no file
        config      default models, deadlines, keys that are set, where media is kept
        """
        name, _, word = " ".join(line.split()).partition(" ")
        shows: dict[str, Callable[[], object]] = {
            "models": _models,
            "jobs": lambda: verbs.jobs,
            "sessions": lambda: sessions,
            "close": self._close,
            "budget": partial(_budget, word),
            "cache": partial(_cache, word),
            "config": _config,
        }
        if not name:
            return _overview()
        subject = meaning(name, SUBJECTS, "%media")
        if word and not subject.words:
            raise PromptError(f"%media {name} takes no {quoted(word)}; it stands alone.")
        return shows[name]()

    def _close(self) -> None:
        """Start to close; a cell cannot wait for a magic, so a line tells when it is done."""
        jobs = verbs.jobs.running()
        verbs.jobs.cancel_all()
        line = DisplayHandle()
        if loops.running() is None:
            self._shell.loop_runner(verbs.close())
            line.display(PlainText("closed"))
            return
        line.display(PlainText("closing…"))

        async def close() -> None:
            ends = [asyncio.ensure_future(_end_of(job)) for job in jobs]
            # Awaited first, so that jobs end as cancelled by a person, not as closed.
            if ends:
                await asyncio.wait(ends, timeout=loops.PATIENCE)
            await verbs.close()
            line.update(PlainText("closed"))

        task = asyncio.get_running_loop().create_task(close(), name="mediatoolkit close")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _end_of(job: Job[Any]) -> None:
    with contextlib.suppress(MediaToolkitError):
        await job


def _overview() -> Table[tuple[str, ...]]:
    """What there is to ask; the cache also says how it stands."""
    summaries = {name: subject.summary for name, subject in SUBJECTS.items()}
    summaries["cache"] += f" ({_cache_state()})"
    return Table(("%media", "shows"), tuple(summaries.items()))


def _models() -> Table[tuple[str, ...]]:
    rows = []
    for magic in MAGICS:
        default = True
        for model in models(magic.kind):
            state = model.reason or ("default" if default else "yes")
            default = False
            choices = ("size", "voice", "resolution")
            takes = next((model.choices[name] for name in choices if name in model.choices), ())
            price = str(list_price(magic.name, model.model_id))
            rows.append((magic.name, model.model_id, state, price, _few(takes)))
    head = ("makes", "model", "available", f"price (speech: {SPEECH_LENGTH:,} characters)", "takes")
    return Table(head, tuple(rows))


def _few(values: tuple[str, ...]) -> str:
    return ", ".join(values[:6]) + (f" and {len(values) - 6} more" if len(values) > 6 else "")


def _budget(amount: str) -> Budget:
    """Set the limit, unless *amount* is empty, and return the budget, which shows itself."""
    if amount:
        budget.limit = None if amount == "off" else _dollars(amount)
    return budget


def _dollars(amount: str) -> str:
    """Take the sign off; what is a number is for the budget to say."""
    if not any(map(str.isdigit, amount)):
        raise PromptError(
            f"%media budget takes US dollars, such as 5.00, or off; not {quoted(amount)}."
        )
    return amount.removeprefix("$")


def _cache(word: str) -> PlainText:
    """Do what *word* says, unless it is empty, and return one line on the cache."""
    if word:
        mode = meaning(word, TYPED_WORDS | {"clear": "clear"}, "%media cache")
        if mode == "clear":
            count = run(Cache(Store.default()).clear())
            return PlainText(f"{_results(count)} forgotten; the files stay")
        settings.default = mode
    return PlainText(_cache_state())


def _cache_state() -> str:
    """Such as `on, 12 results, 3.4 MB`; blocks about 0.1 ms for each result."""
    try:
        mode = settings.mode().name.lower()
    except PromptError as error:  # of the environment; to look is no reason to fail
        return str(error)
    size = run(Cache(Store.default()).size())
    if not size.entries:
        return f"{mode}, nothing is kept"
    large = size.bytes >= 1e6
    amount = f"{size.bytes / 1e6:,.1f} MB" if large else f"{size.bytes / 1e3:,.1f} kB"
    return f"{mode}, {_results(size.entries)}, {amount}"


def _results(count: int) -> str:
    return f"{count:,} result{'s' if count != 1 else ''}"


def _config() -> Table[tuple[str, ...]]:
    rows = [(f"default for {magic.name}", _default(magic.kind)) for magic in MAGICS]
    rows += [(f"key for {row.vendor}", row.key or row.missing) for row in keys()]
    rows += [("budget", _limit()), ("cache", _cache_state())]
    rows += [(name, _variable(name)) for name in _VARIABLES]
    rows.append(("media is kept in", str(Store.default().folder)))
    return Table(("setting", "value"), tuple(rows))


def _default(kind: Any) -> str:
    vendor = default_choice(kind).model_ids[0]
    try:
        client = client_for(vendor, kind)
    except MediaToolkitError as error:
        return f"{vendor}: {error}"
    return f"{client.model_id}, {client.timeout.total:g} s at the most"


def _limit() -> str:
    try:
        limit, left = budget.limit, budget.left
    except BudgetError as error:  # of the environment
        return str(error)
    if limit is None or left is None:
        return "no limit"
    return f"{at_least(left)} of {at_least(limit)} is left"


def _variable(name: str) -> str:
    return visible(os.environ.get(name, ""), 80, one_line=True) or "is not set"
