"""`%load_ext mediatoolkit`: cells whose text is a prompt, and one line that looks after them.

`%%image`, `%%speech` and `%%video` start a job as the verbs of the same name do; `%media` shows
models, jobs, sessions and settings. `%%image?` tells what a magic takes.
"""

import asyncio
import contextlib
import inspect
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from html import escape
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)
from IPython.core.magic import no_var_expand
from IPython.display import DisplayHandle

from mediatoolkit import verbs
from mediatoolkit.errors import MediaToolkitError, PromptError
from mediatoolkit.magics.options import (
    Option,
    checked_name,
    filled,
    parsed,
    variables_of,
    with_options,
)
from mediatoolkit.media import Media
from mediatoolkit.prompts import Size
from mediatoolkit.providers.base import Client, ImageClient, SpeechClient, VideoClient
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

__all__ = ["register"]

_MORE = """

    The text of the cell is the prompt. {fox}, {scene.title} and {foxes[0]} in it stand for the
    values of your variables; other braces stay, and {{fox}} is {fox}.

    In a notebook the cell is free at once and the job shows itself; with --out fox, fox is that
    job: `await fox` gives the media in any later cell. A terminal waits for it.
    """
_MODEL = Option("model", "vendor/model; left out, a vendor whose key is set, else the local engine")
_ASPECT = Option("aspect", "width to height, such as 16:9")
_SEED = Option("seed", "a whole number, for the same again", int)
_TIMEOUT = Option("timeout", "seconds for everything together", float)
_OUT = Option("out", "name of a variable for the job")
_OPEN_BRACE = re.compile(r"\{(\w*)$")
_SUBJECTS = {
    "models": "what can be asked, and what keeps the others from it",
    "jobs": "what runs, and what an earlier kernel left behind",
    "sessions": "open connections and what went over them",
    "close": "stop every job and close every session",
    "config": "default models, deadlines, keys that are set, where media is kept",
}


def register(shell: Any) -> None:
    """Register the magics and their completion with IPython's *shell*; may be called again."""
    for magic in MAGICS:
        shell.register_magic_function(magic.function(shell), "cell", magic.name)
    shell.register_magic_function(MediaMagic(shell).media, "line", "media")
    matchers, our_matcher = shell.Completer.custom_matchers, matcher_for(shell)
    matchers[:] = [
        *(matcher for matcher in matchers if matcher.__module__ != our_matcher.__module__),
        our_matcher,
    ]


@dataclass(frozen=True, slots=True)
class CellMagic:
    """A magic that starts a job with the text of its cell.

    Attributes:
        name: Name of the magic, and of the verb it stands for.
        summary: What it does.
        kind: Whose models it takes.
        options: What it takes on its first line.
    """

    name: str
    summary: str
    kind: type[Client[Any, Any]]
    options: tuple[Option, ...]

    def function(self, shell: Any) -> Callable[[str, str], object]:
        """What IPython calls with the first line and with the text of the cell."""

        def run(line: str, cell: str) -> object:
            variables = variables_of(shell)
            values = parsed(magic, line, self.options, variables)
            out = checked_name(values.pop("out", "_"))
            prompt = filled(inspect.cleandoc(cell), variables)
            verb: Callable[..., Job[Any]] = getattr(verbs, self.name)
            return started(shell, partial(verb, prompt, **values), out)

        run.__doc__ = self.summary + _MORE
        magic = with_options(run, self.name, self.options)
        no_var_expand(magic)
        return magic


def started(shell: Any, start: Callable[[], Job[Any]], out: str) -> object:
    """Return the job, which goes on; where no loop runs between two inputs, its result.

    Args:
        shell: IPython's.
        start: Starts the job; needs a running loop.
        out: Name that the job gets.
    """

    def begin() -> Job[Any]:
        job = start()
        if out != "_":
            shell.user_ns[out] = job
        return job

    async def wait() -> object:
        return await begin()

    return begin() if loops.running() else shell.loop_runner(wait())


def _size(text: str) -> Size:
    """Read a size; a lone number is a square, as in the verb, unless it is a tier."""
    return int(text) if text.isdecimal() and text != "512" else text


MAGICS = (
    CellMagic(
        "image",
        "Make a picture.",
        ImageClient,
        (
            _MODEL,
            Option(
                "size",
                "512, 1K, 2K, 4K, or pixels such as 1024x768, where the model takes them",
                _size,
            ),
            _ASPECT,
            _SEED,
            Option(
                "references",
                "variables or files: pictures to start from",
                names_media=True,
                several=True,
            ),
            _TIMEOUT,
            _OUT,
        ),
    ),
    CellMagic(
        "speech",
        "Make speech.",
        SpeechClient,
        (
            _MODEL,
            Option("voice", "a voice of the model, by name"),
            Option("style", "how to say it; never spoken"),
            Option("speed", "1 is the voice's own pace", float),
            Option("language", "such as en-US"),
            _TIMEOUT,
            _OUT,
        ),
    ),
    CellMagic(
        "video",
        "Make a film.",
        VideoClient,
        (
            _MODEL,
            Option("seconds", "how long", float),
            Option("image", "variable or file: the first picture", names_media=True),
            _ASPECT,
            Option("resolution", "such as 720p"),
            _SEED,
            _TIMEOUT,
            _OUT,
        ),
    ),
)


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Rows of text below a head.

    Args:
        head: Names of the columns.
        rows: Cells, as many in each row as in *head*.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        """Columns one below the other."""
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        )
        return "\n".join(line.rstrip() for line in padded)

    def _repr_html_(self) -> str:
        style = ' style="text-align:left"'
        head = "".join(f"<th{style}>{escape(name)}</th>" for name in self.head)
        body = "".join(
            f"<tr>{''.join(f'<td{style}>{escape(cell)}</td>' for cell in row)}</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


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
                return Table(("%media", "shows"), tuple(_SUBJECTS.items()))
        near = get_close_matches(line.strip(), _SUBJECTS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(_SUBJECTS)}."
        raise PromptError(f"%media takes no {line.strip()[:60]!r}; {hint}")

    def _close(self) -> None:
        """Start to close; a cell cannot wait for a magic, so a line tells when it is done."""
        jobs = verbs.jobs.running()
        verbs.jobs.cancel_all()
        line = DisplayHandle()
        if loops.running() is None:
            self._shell.loop_runner(verbs.close())
            line.display(_PlainText("closed"))
            return
        line.display(_PlainText("closing…"))

        async def close() -> None:
            ends = [asyncio.ensure_future(_end_of(job)) for job in jobs]
            # Awaited first, so that jobs end as cancelled by a person, not as closed.
            if ends:
                await asyncio.wait(ends, timeout=loops.PATIENCE)
            await verbs.close()
            line.update(_PlainText("closed"))

        task = asyncio.get_running_loop().create_task(close(), name="mediatoolkit close")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _end_of(job: Job[Any]) -> None:
    with contextlib.suppress(MediaToolkitError):
        await job


class _PlainText(str):
    """Text that a page shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _models() -> Table:
    rows = []
    for magic in MAGICS:
        default = True
        for model in models(magic.kind):
            state = model.reason or ("default" if default else "yes")
            default = False
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


def matcher_for(shell: Any) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return what IPython's *shell* calls at every completion; silent outside our magics."""

    def mediatoolkit(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor
        name = context.full_text.split(None, 1)[0] if context.full_text.strip() else ""
        typed = re.split(r"\s", line)[-1]
        words = line[: len(line) - len(typed)].split()
        if name == "%media" and len(words) == 1:
            return _completions(typed, _SUBJECTS)
        magic = next((magic for magic in MAGICS if name == f"%%{magic.name}"), None)
        if magic is None:
            return _completions("", ())
        variables = variables_of(shell)
        if context.cursor_line > 0:
            brace = _OPEN_BRACE.search(line)
            return _completions(brace[1], variables) if brace else _completions("", ())
        return _completions(typed, _candidates(magic, words[1:], variables) if words else ())

    matching: Callable[[CompletionContext], SimpleMatcherResult] = context_matcher()(mediatoolkit)
    return matching


def _completions(typed: str, candidates: Iterable[str]) -> SimpleMatcherResult:
    completions = [SimpleCompletion(word) for word in candidates if word.startswith(typed)]
    return {"completions": completions, "matched_fragment": typed, "suppress": bool(completions)}


def _candidates(magic: CellMagic, before: list[str], variables: dict[str, Any]) -> list[str]:
    option = next((option for option in magic.options if option.flag in before[-1:]), None)
    if option is not None and option.flag.startswith("--"):
        return _values_of(option, magic, before, variables)
    flags = [option.flag for option in magic.options if option.flag.startswith("--")]
    unused = [flag for flag in flags if flag not in before]
    return unused if before else [*(model.model_id for model in models(magic.kind)), *unused]


def _values_of(
    option: Option, magic: CellMagic, before: list[str], variables: dict[str, Any]
) -> list[str]:
    if option.names_media or option.name == "out":
        return [name for name, value in variables.items() if isinstance(value, (Job, Media))]
    known_models = models(magic.kind)
    chosen = [model for model in known_models if model.model_id == before[0]] or known_models
    choices = (choice for model in chosen for choice in model.choices.get(option.name, ()))
    return list(dict.fromkeys(choices))
