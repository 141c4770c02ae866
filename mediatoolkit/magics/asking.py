"""`%media`: what there is, what runs, what is open, and an end to it."""

import asyncio
import contextlib
import shlex
from difflib import get_close_matches
from typing import Any

from IPython.display import DisplayHandle

from mediatoolkit import verbs
from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.magics.cells import MAGICS
from mediatoolkit.magics.table import Table
from mediatoolkit.providers.registry import (
    client_class,
    client_for,
    default_vendor,
    models,
    vendors,
)
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.job import Job
from mediatoolkit.store import Store
from mediatoolkit.transport.session import sessions

WORDS = {
    "models": "what can be asked, and what keeps the others from it",
    "jobs": "what runs, and what an earlier kernel left behind",
    "sessions": "open connections and what went over them",
    "close": "stop every job and close every session",
    "config": "default models, deadlines, keys that are set, where media is kept",
}


class Desk:
    """Answers `%media`.

    Args:
        shell: IPython's.
    """

    def __init__(self, shell: Any) -> None:
        """Remember whom to ask for the loop."""
        self._shell = shell
        self._closing: set[asyncio.Task[None]] = set()

    def media(self, line: str) -> object:
        """`%media models`, `jobs`, `sessions`, `close` or `config`.

        models      what can be asked, and what keeps the others from it
        jobs        what runs, and what an earlier kernel left behind
        sessions    open connections and what went over them
        close       stop every job and close every session; all can be used again
        config      default models, deadlines, keys that are set, where media is kept
        """
        match shlex.split(line):
            case ["models"]:
                return _models()
            case ["jobs"]:
                return verbs.jobs
            case ["sessions"]:
                return sessions
            case ["close"]:
                self._close()
                return None
            case ["config"]:
                return _config()
            case []:
                return Table(("%media", "shows"), tuple(WORDS.items()))
        near = get_close_matches(line.strip(), WORDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(WORDS)}."
        raise PromptError(f"%media takes no {line.strip()[:60]!r}; {hint}")

    def _close(self) -> None:
        """Close at once; a cell cannot wait for a magic, so a line tells when it is done."""
        jobs = verbs.jobs.running()
        verbs.jobs.cancel_all()
        place = DisplayHandle()
        if loops.running() is None:
            self._shell.loop_runner(verbs.close())
            place.display(_Line("closed"))
            return
        place.display(_Line("closing…"))

        async def close() -> None:
            ends = [asyncio.ensure_future(_end_of(job)) for job in jobs]
            if ends:  # cancelled they are by a person's wish, not because their agent is closed
                await asyncio.wait(ends, timeout=loops.PATIENCE)
            await verbs.close()
            place.update(_Line("closed"))

        task = asyncio.get_running_loop().create_task(close(), name="mediatoolkit close")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _end_of(job: Job[Any]) -> None:
    with contextlib.suppress(MediaToolkitError):
        await job


class _Line(str):
    """Text that a page shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _models() -> Table:
    rows = []
    for magic in MAGICS:
        usual = True
        for model in models(magic.kind):
            state = model.reason or ("default" if usual else "yes")
            usual = False
            choices = ("size", "voice", "resolution")
            takes = next((model.choices[name] for name in choices if name in model.choices), ())
            rows.append((magic.name, model.model_id, state, _few(takes)))
    return Table(("makes", "model", "available", "takes"), tuple(rows))


def _few(values: tuple[str, ...]) -> str:
    return ", ".join(values[:6]) + (f" and {len(values) - 6} more" if len(values) > 6 else "")


def _config() -> Table:
    rows = [(f"default for {magic.name}", _default(magic.kind)) for magic in MAGICS]
    keys: dict[str, str] = {}
    for magic in MAGICS:
        for vendor in vendors(magic.kind):
            secret = client_class(vendor, magic.kind).credentials()
            if secret is not None or vendor != "local":
                keys[f"key for {vendor}"] = f"{secret.name} is set" if secret else "none is set"
    store = ("media is kept in", str(Store.default().folder))
    return Table(("setting", "value"), (*rows, *sorted(keys.items()), store))


def _default(kind: Any) -> str:
    vendor = default_vendor(kind)
    try:
        client = client_for(vendor, kind)
    except MediaToolkitError as error:
        return f"{vendor}: {error}"
    return f"{client.model_id}, {client.timeout.total:g} s at the most"
