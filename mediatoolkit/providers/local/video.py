"""Films by the embedded engine: painted scenes or given pictures, slow camera moves, a voice."""

import asyncio
import secrets
from functools import partial
from itertools import chain
from typing import Any, ClassVar

from mediatoolkit.media import Audio, Video
from mediatoolkit.prompts import VideoPrompt
from mediatoolkit.providers.base import VideoClient
from mediatoolkit.providers.capabilities import Capabilities, Flag, ModelInfo, OneOf, Rule, Taken
from mediatoolkit.providers.local import narration as voiceover
from mediatoolkit.providers.local.film import MODEL, common_shape, provenance_of, workers
from mediatoolkit.providers.local.frame import SHORTER_SIDES, USUAL_SHAPES, WIDE, shaped
from mediatoolkit.providers.local.steps import SPOKEN, drawing, load
from mediatoolkit.providers.local.workers import LocalClient, Progress, missing_extra
from mediatoolkit.runtime.context import CallContext, Timeout
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.runtime.workers import Tell

ONE_SCENE = 6.0
"""Seconds of a film of one scene when nobody says otherwise."""
_SHORTEST_SCENE = 1.5
_PAINTED = 0.3
"""The part of the work that painting takes."""


class Narrated(Rule):
    """A text that the local voice can speak, or sound."""

    def check(self, _name: str, value: Any, _owner: str, /) -> None:
        """Refuse an empty text; a file is read later, in a thread."""
        if isinstance(value, (str, Audio)):
            voiceover.checked(value)


class LocalVideoClient(LocalClient[VideoPrompt, Video], VideoClient):
    """Makes films with the embedded engine, in a worker thread.

    A prompt is split into up to three scenes, which are painted; first picture, last picture and
    references are shown instead of painted scenes where they are given. A film goes on from the
    last picture of `previous`.

    Options:
        narration: Text for the local voice; or `Audio`, bytes, `(samples, sample_rate)`.
        captions: Whether its words are drawn into the pictures; they are unless told otherwise.

    Args:
        model: `"film"`, the only one.
        timeout: One deadline over the whole call.

    The same prompt and seed give the same film.
    """

    catalog: ClassVar[tuple[ModelInfo, ...]] = (
        ModelInfo(
            f"local/{MODEL}",
            Capabilities(
                aspect=OneOf(USUAL_SHAPES, others=True),
                resolution=OneOf(tuple(SHORTER_SIDES)),
                seconds=Taken(),
                seed=Taken(),
                image=Taken(),
                last=Taken(),
                previous=Taken(),
                references=Taken(),
                options={"captions": Flag(), "narration": Narrated()},
            ),
        ),
    )
    default_timeout = Timeout(total=600)
    workers = workers

    @classmethod
    def missing(cls, _model: str, /) -> str:
        """Which packages films need, unless they are installed."""
        return missing_extra("Films", "av")

    async def make(self, prompt: VideoPrompt, context: CallContext) -> Video:
        """Paint and compose in a worker thread; cancelling leaves nothing behind."""
        seed = secrets.randbelow(1 << 31) if prompt.seed is None else prompt.seed
        narration = await asyncio.to_thread(voiceover.checked, prompt.options.get("narration"))
        voice = await voiceover.spoken(narration, context)
        with context.work.part(SPOKEN if isinstance(narration, str) else 0.0, 1.0):
            data, notes = await self._do(partial(_compose, prompt, voice, seed), context)
        context.report(Decoding())
        options = await prompt.plain_options() | {"narration": voiceover.mark(narration)}
        provenance = provenance_of(prompt.text, options, seed=seed, **notes)
        return await Video.load(data, provenance=provenance)


def _compose(
    prompt: VideoPrompt, voice: Audio | None, seed: int, tell: Tell
) -> tuple[bytes, dict[str, Any]]:
    load("mediatoolkit.synthesis.filming.film", tell)
    from mediatoolkit.synthesis.filming.film import compose
    from mediatoolkit.synthesis.filming.shots import lengths

    progress = drawing(tell)
    lengths(1, prompt.seconds, voice.seconds if voice else 0.0)
    size = _size(prompt)
    pictures = _pictures_of(prompt)
    not_drawn: list[str] = []
    done = 0.0
    if prompt.previous is not None or not pictures:
        done = _PAINTED
        painted, not_drawn = _painted(prompt, size, seed, partial(_part, progress, 0.0, done))
        pictures += painted
    film = compose(
        pictures,
        seconds=_seconds(prompt, len(pictures), voice),
        size=size,
        narration=voice,
        captions=voice.captions if voice else (),
        words="drawn" if prompt.options.get("captions", True) else "unseen",
        progress=partial(_part, progress, done, 1.0),
    )
    captions = voiceover.captions_of(voice, film)
    return film, {
        "not_drawn": not_drawn,
        "not_spoken": voiceover.not_spoken(voice),
        "captions": captions,
    }


def _pictures_of(prompt: VideoPrompt) -> list[Any]:
    """The pictures that come with a prompt, in the order they are seen."""
    if prompt.previous is not None:
        return [prompt.previous.poster(prompt.previous.seconds)]
    pictures = [prompt.image, *prompt.references, prompt.last]
    return [picture for picture in pictures if picture is not None]


def _painted(
    prompt: VideoPrompt, size: tuple[int, int], seed: int, progress: Progress
) -> tuple[list[Any], list[str]]:
    """Pixels of each scene, and the words of which it shows nothing."""
    from mediatoolkit.synthesis.filming.story import MOST_SCENES, illustrate, scenes

    most = MOST_SCENES
    if prompt.seconds is not None:
        most = max(1, min(most, int(prompt.seconds / _SHORTEST_SCENE)))
    paintings = list(illustrate(scenes(prompt.text, most), size=size, seed=seed, progress=progress))
    not_drawn = dict.fromkeys(chain.from_iterable(words for _, words in paintings))
    return [pixels for pixels, _ in paintings], list(not_drawn)


def _size(prompt: VideoPrompt) -> tuple[int, int]:
    """Width and height by the aspect of the prompt, else by the shape of its pictures."""
    if prompt.aspect is not None:
        wide, high = map(int, prompt.aspect.split(":"))
        return shaped(wide / high, prompt.resolution)
    if prompt.previous is not None:
        return shaped(prompt.previous.width / prompt.previous.height, prompt.resolution)
    pictures = _pictures_of(prompt)
    return shaped(common_shape(pictures) if pictures else WIDE, prompt.resolution)


def _seconds(prompt: VideoPrompt, count: int, voice: Audio | None) -> float | None:
    short = voice is None or voice.seconds < ONE_SCENE - 1
    return ONE_SCENE if prompt.seconds is None and count == 1 and short else prompt.seconds


def _part(progress: Progress, start: float, end: float, what: str, fraction: float) -> None:
    """Progress of one part of the work, from one share of the whole to another."""
    progress(what, start + (end - start) * fraction)
