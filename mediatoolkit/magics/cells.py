"""Cells whose text is a prompt: `%%image`, `%%speech` and `%%video`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from IPython.core.magic import no_var_expand
from IPython.display import display

from mediatoolkit import verbs
from mediatoolkit.caching import TYPED_WORDS
from mediatoolkit.magics.options import (
    Option,
    checked_name,
    filled,
    parsed,
    variables_of,
    with_options,
)
from mediatoolkit.magics.outputs import PlainText
from mediatoolkit.pricing.quotes import Price
from mediatoolkit.prompts import Size
from mediatoolkit.providers.base import Client, ImageClient, SpeechClient, VideoClient
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.job import Job
from mediatoolkit.verbs.kinds import Kind
from mediatoolkit.verbs.quotes import quote

__all__ = ["MAGICS", "CellMagic"]

_MORE = """

    The text of the cell is the prompt. {fox}, {scene.title} and {foxes[0]} in it stand for the
    values of your variables; other braces stay, and {{fox}} is {fox}.

    In a notebook the cell is free at once and the job shows itself; with --out fox, fox is that
    job: `await fox` gives the media in any later cell. A terminal waits for it.

    With --quote the cell says what it would cost, and sends nothing; --out then names the price.
    """
_NOBODY = "_"  # the name of nothing, where --out is left out


@dataclass(frozen=True, slots=True)
class CellMagic:
    """A magic that starts a job with the text of its cell.

    Attributes:
        name: Name of the magic, and of the verb it stands for.
        summary: What it does.
        kind: Whose models it takes.
        options: What it takes on its first line.
    """

    name: Kind
    summary: str
    kind: type[Client[Any, Any]]
    options: tuple[Option, ...]

    def function(self, shell: Any) -> Callable[[str, str], object]:
        """What IPython calls with the first line and with the text of the cell."""

        def run(line: str, cell: str) -> object:
            variables = variables_of(shell)
            values = parsed(magic, line, self.options, variables)
            out = checked_name(values.pop("out", _NOBODY))
            prompt = filled(inspect.cleandoc(cell), variables)
            if values.pop("quote", False):
                price = quote(prompt, kind=self.name, **values)
                _assign(shell, out, price)
                return display(_line(price))
            verb: Callable[..., Job[Any]] = getattr(verbs, self.name)
            return _started(shell, partial(verb, prompt, **values), out)

        run.__doc__ = self.summary + _MORE
        magic = with_options(run, self.name, self.options)
        no_var_expand(magic)
        return magic


def _line(price: Price) -> PlainText:
    """Such as `$0.067 (list price of 2026-11-28)`."""
    return PlainText(f"{price} ({price.basis})" if price.basis else price)


def _started(shell: Any, start: Callable[[], Job[Any]], out: str) -> object:
    """Return the job, which goes on; where no loop runs between two inputs, its result.

    Args:
        shell: IPython's.
        start: Starts the job; needs a running loop.
        out: Name that the job gets.
    """

    def begin() -> Job[Any]:
        job = start()
        _assign(shell, out, job)
        return job

    async def wait() -> object:
        return await begin()

    return begin() if loops.running() else shell.loop_runner(wait())


def _assign(shell: Any, name: str, value: object) -> None:
    """Give *value* that name among the user's variables."""
    if name != _NOBODY:
        shell.user_ns[name] = value


def _size(text: str) -> Size:
    """Read a size; a lone number is a square, as in the verb, unless it is a tier."""
    return int(text) if text.isdecimal() and text != "512" else text


_MODEL = Option("model", "vendor/model; left out, a vendor whose key is set, else the local engine")
_ASPECT = Option("aspect", "width to height, such as 16:9")
_SEED = Option("seed", "a whole number, for the same again", int)
_COMMON = (
    Option("timeout", "seconds for everything together", float),
    Option(
        "cache",
        "hand out what is kept of the same request, else send it and keep the result; off does "
        "neither, refresh sends in any case, only never sends; without a word, on",
        words=TYPED_WORDS,
        alone="on",
    ),
    Option("take", "which of several results of the same request, from 1", int),
    Option("quote", "say what it would cost, and send nothing", None),
    Option("out", "name of a variable for the job, or for the price"),
)

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
            *_COMMON,
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
            *_COMMON,
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
            *_COMMON,
        ),
    ),
)
"""The cell magics there are."""
