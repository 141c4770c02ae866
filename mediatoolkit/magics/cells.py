"""`%%image`, `%%speech` and `%%video`: the text of a cell is the prompt."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from IPython.core.magic import no_var_expand

from mediatoolkit import verbs
from mediatoolkit.magics.options import Option, checked_name, parsed, with_options
from mediatoolkit.magics.variables import filled, variables_of
from mediatoolkit.prompts import Size
from mediatoolkit.providers.base import Client, ImageClient, SpeechClient, VideoClient
from mediatoolkit.runtime import loops
from mediatoolkit.runtime.job import Job

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


@dataclass(frozen=True, slots=True)
class CellMagic:
    """A magic that starts a job with the text of its cell.

    Attributes:
        name: Of the magic, and of the verb it stands for.
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
            asked = parsed(magic, line, self.options, variables)
            out = checked_name(asked.pop("out", "_"))
            prompt = filled(inspect.cleandoc(cell), variables)
            verb: Callable[..., Job[Any]] = getattr(verbs, self.name)
            return started(shell, partial(verb, prompt, **asked), out)

        run.__doc__ = self.summary + _MORE
        magic = with_options(run, self.name, self.options)
        no_var_expand(magic)
        return magic


def started(shell: Any, start: Callable[[], Job[Any]], out: str) -> object:
    """The job, which goes on; where no loop runs between two inputs, its result.

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
    """One number is a square, as in the verb, unless it is a tier."""
    return int(text) if text.isdecimal() and text != "512" else text


MAGICS = (
    CellMagic(
        "image",
        "Make a picture.",
        ImageClient,
        (
            _MODEL,
            Option("size", "512, 1K, 2K, 4K, or pixels such as 1024x768", _size),
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
