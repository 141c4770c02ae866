"""Models that anybody publishes: arguments of their own, results of any shape, logs.

fal and Replicate serve them, and Hugging Face passes requests on to both.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mediatoolkit.checks import quoted
from mediatoolkit.errors import PromptError
from mediatoolkit.media import Media
from mediatoolkit.prompts import ImagePrompt, Prompt, VideoPrompt
from mediatoolkit.providers.base import pictures_of
from mediatoolkit.providers.capabilities import Capabilities, Number, Pictures, Rule, Taken
from mediatoolkit.providers.documents import at, objects_at, without_none
from mediatoolkit.providers.http import NAMESPACED, HttpClient
from mediatoolkit.runtime.events import Working
from mediatoolkit.transport import DataURL, ErrorResponse

P = TypeVar("P", bound=Prompt)
M = TypeVar("M", bound=Media)
T = TypeVar("T")

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}(?:\[\])?", re.ASCII)
_PERCENT = re.compile(r"\b(\d{1,3})%\|")
_BAR = re.compile(r"\d{1,3}%\|[^|]*\|\s*")
"""A bar of tqdm up to its count; the page has a bar of its own."""

_STEP = re.compile(r"\bsteps?\W{0,3}(\d{1,5})\s*(?:/|of)\s*(\d{1,5})\b", re.IGNORECASE)
_LOADING = re.compile(r"load|fetch", re.IGNORECASE)
_LOG_END = 2000  # characters of a log that are read; all of it comes with every poll
_ADDRESSES = ("https://", "http://", "data:")


@dataclass(frozen=True, slots=True)
class NamedValues(Rule):
    """Arguments by name, which the model gets as they are."""

    def check(self, name: str, value: Any, _owner: str, /) -> None:
        """Refuse what is no JSON object."""
        try:
            is_json = isinstance(value, Mapping) and json.dumps(dict(value), allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            is_json = False
        if not is_json or not all(isinstance(key, str) for key in value):
            raise PromptError(f'{name} takes values by name: {name}={{"num_inference_steps": 4}}.')


@dataclass(frozen=True, slots=True)
class ArgumentName(Rule):
    """Name of one of the model's arguments; one that takes a list has `[]` behind it."""

    def check(self, name: str, value: Any, _owner: str, /) -> None:
        """Refuse what is no such name."""
        if not isinstance(value, str) or not _FIELD.fullmatch(value):
            raise PromptError(
                f'{name}={quoted(value)} is no name of an argument, such as "prompt", or '
                '"image_urls[]" for a list.'
            )


OPTIONS: Mapping[str, Rule] = {"arguments": NamedValues(), "text_field": ArgumentName()}
"""Options of every such model: further arguments, and the name of the one that takes the text."""

PICTURE_OPTIONS: Mapping[str, Rule] = {**OPTIONS, "image_field": ArgumentName()}
"""As `OPTIONS`, with the name of the argument that takes the pictures to start from."""


SEED = Number(0, 2**32 - 1, whole=True)
PICTURES = Pictures(most=16, largest=50_000_000)

_ELSE = "give what the model calls it: arguments={…}."


def speech_rules(options: Mapping[str, Rule]) -> Capabilities:
    """What any model for speech takes, with further *options* of its vendor."""
    return Capabilities(voice=Taken(), options={**OPTIONS, **options}, advice={"style": _ELSE})


def film_rules(options: Mapping[str, Rule], picture_field: str) -> Capabilities:
    """What any model for films takes, with further *options*; pictures go to *picture_field*."""
    return Capabilities(
        image=Taken(),
        references=PICTURES,
        seconds=Taken(),
        aspect=Taken(),
        resolution=Taken(),
        seed=SEED,
        options={**PICTURE_OPTIONS, **options},
        advice={"last": _ELSE},
        together=(single_picture_check(picture_field),),
    )


class HostedModelClient(HttpClient[P, M]):
    """A client of models that anybody publishes."""

    model_names = NAMESPACED

    @classmethod
    def live_models(cls) -> str:
        """The models to name when another is not served; there are many more than are listed."""
        return ", ".join(
            filter(None, [super().live_models(), "and whatever else is published there"])
        )


def single_picture_check(usual: str) -> Callable[[Prompt], None]:
    """A check that refuses several pictures where the model's argument takes one.

    Args:
        usual: The argument, unless the option `image_field` names another.
    """

    def check(prompt: Prompt) -> None:
        field = str(prompt.options.get("image_field") or usual)
        if len(starting_pictures(prompt)) > 1 and not field.endswith("[]"):
            raise PromptError(
                "Several pictures need the name of the argument that takes a list of them, as in "
                'image_field="input_images[]".'
            )

    return check


def check_single_result(prompt: Prompt) -> None:
    """Refuse arguments that ask for several results, of which all but one would be lost.

    Raises:
        PromptError: Says what to do instead.
    """
    arguments = prompt.options.get("arguments") or {}
    for name in ("num_images", "num_outputs"):
        if arguments.get(name, 1) not in (None, 1):
            raise PromptError(
                f"One call makes one result; leave {name} out, and make several calls."
            )


def starting_pictures(prompt: Prompt) -> list[Any]:
    """The pictures that *prompt* starts from, the most important first."""
    if isinstance(prompt, ImagePrompt):
        return list(pictures_of(prompt))
    if isinstance(prompt, VideoPrompt):
        return [*filter(None, [prompt.image]), *prompt.references]
    return []


def arguments_for(
    prompt: Prompt, usual: Mapping[str, Any], *, text_field: str = "prompt"
) -> dict[str, Any]:
    """The arguments of a model: the text, the *usual* ones, and what `arguments` says above all.

    Args:
        prompt: What to make.
        usual: Values by the names that most models give them; None is left out.
        text_field: Which argument takes the text, unless the option `text_field` says it.
    """
    field = str(prompt.options.get("text_field") or text_field)
    own = without_none({field: prompt.text, **usual})
    return {**own, **(prompt.options.get("arguments") or {})}


def facts_in(prompt: Prompt) -> dict[str, Any]:
    """What a price depends on, of the arguments that the user gives."""
    arguments = prompt.options.get("arguments") or {}
    facts = {name: value for name, value in arguments.items() if type(value) in {str, int, float}}
    size = arguments.get("image_size", arguments)
    width, height = at(size, "width"), at(size, "height")
    return {**facts, "size": f"{width}x{height}"} if width and height else facts


def placed(items: Sequence[T], field: str) -> dict[str, Any]:
    """*items* as the argument *field*: a list where `[]` stands behind it, else the first."""
    if not items:
        return {}
    name = field.removesuffix("[]")
    return {name: items[0] if name == field else list(items)}


def film_arguments(prompt: VideoPrompt) -> dict[str, Any]:
    """The length, shape, size and seed of a film by the names that most models give them."""
    seconds = prompt.seconds
    return {
        "duration": int(seconds) if seconds is not None and not seconds % 1 else seconds,
        "aspect_ratio": prompt.aspect,
        "resolution": prompt.resolution,
        "seed": prompt.seed,
    }


def data_urls(prompt: Prompt) -> dict[str, Any]:
    """The pictures to start from, as data URIs, in the arguments in which fal's models take them.

    A model has `image_url` or `image_urls` and passes over the other, so both hold a single one.
    """
    urls = [DataURL(picture.mime_type, picture.data) for picture in starting_pictures(prompt)]
    field = prompt.options.get("image_field")
    if field:
        return placed(urls, field)
    if isinstance(prompt, VideoPrompt):
        first, rest = (urls[:1], urls[1:]) if prompt.image else ([], urls)
        return {**placed(first, "image_url"), **placed(rest, "image_urls[]")}
    single = urls if len(urls) == 1 else []
    return {**placed(single, "image_url"), **placed(urls, "image_urls[]")}


def first_address(output: object, depth: int = 8) -> str:
    """The first address of a file in *output*, which has any shape; empty where there is none."""
    if isinstance(output, str):
        return output if output.startswith(_ADDRESSES) else ""
    items = list(output.values()) if isinstance(output, dict) else output
    if not isinstance(items, list) or not depth:
        return ""
    return next(filter(None, (first_address(item, depth - 1) for item in items)), "")


def problem_of(response: ErrorResponse) -> tuple[str, list[str]]:
    """What FastAPI and the like say of a problem, safe to show, and their words for its kind."""
    detail = at(response.document, "detail")
    if not isinstance(detail, list):
        return response.safe_text(detail), []
    problems = objects_at(response.document, "detail")
    sentences = [f"{_place(each)}{each.get('msg') or 'not accepted'}" for each in problems]
    kinds = [response.safe_text(each.get("type"), 60) for each in problems]
    return response.safe_text("; ".join(sentences)), list(filter(None, kinds))


def _place(problem: Mapping[str, Any]) -> str:
    location = problem.get("loc")
    steps = location[1:] if isinstance(location, list) else []
    return f"{'.'.join(map(str, steps))}: " if steps else ""


def working(provider: str, log: str, safe: Callable[[str, int], str]) -> Working:
    """What the last line of *log* tells of the work, with a share where it counts steps.

    Args:
        provider: The vendor.
        log: As the model wrote it; a bar may have overwritten its own line.
        safe: Makes text safe to show.
    """
    end = log.rstrip()[-_LOG_END:]
    lines = [line for line in re.split(r"[\r\n]+", end) if line.strip()]
    line = lines[-1] if lines else ""
    return Working(provider, safe(_BAR.sub("", line), 100), _fraction(line))


def _fraction(line: str) -> float | None:
    if _LOADING.search(line):  # of the model; the work itself comes after it
        return None
    percent, step = _PERCENT.search(line), _STEP.search(line)
    done, of = (percent[1], 100) if percent else (step[1], int(step[2])) if step else (0, 0)
    return int(done) / of if 0 < int(done) <= of else None
