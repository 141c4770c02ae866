"""A film of pictures that are there already, with a voice and words."""

import os
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from mediatoolkit.checks import quoted
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Audio, Image, Provenance, Video
from mediatoolkit.prompts import is_single
from mediatoolkit.providers.base import now
from mediatoolkit.providers.local import narration as voiceover
from mediatoolkit.providers.local.frame import WIDE, film_size, shaped
from mediatoolkit.providers.local.steps import SPOKEN, drawing, load
from mediatoolkit.runtime.context import CallContext
from mediatoolkit.runtime.events import Decoding
from mediatoolkit.runtime.workers import Tell, Workers

MODEL = "film"

workers = Workers("film", max(1, (os.cpu_count() or 1) // 2))
"""Where films are made; one film keeps about two cores busy, since its encoder has threads too."""

_ALIKE = 0.02
"""How far shapes may differ to count as the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmPlan:
    """A film to be made of pictures; `FilmPlan.of` checks what people give.

    Attributes:
        pictures: One or more.
        narration: What is heard: sound, or a text that the local voice speaks, or None.
        captions: Whether the narration's words are drawn into the pictures.
        seconds: Length of the film or of each picture; None lets pictures and narration decide.
        size: Width and height in pixels, even.
    """

    pictures: tuple[Image, ...]
    narration: Audio | str | None = None
    captions: bool = True
    seconds: float | tuple[float, ...] | None = None
    size: tuple[int, int]

    @classmethod
    def of(
        cls,
        pictures: object,
        *,
        narration: object = None,
        captions: object = True,
        seconds: object = None,
        size: object = None,
    ) -> "FilmPlan":
        """Check a film before it is made; blocks when there are files to read.

        Args:
            pictures: One picture or several: `Image`, bytes, path, Pillow image or array.
            narration: Text for the local voice; or `Audio`, bytes, `(samples, sample_rate)`.
            captions: Whether to draw the narration's words into the pictures.
            seconds: Length of the film, or a list with one length for each picture.
            size: `"720p"`, `"1280x720"` or `(width, height)`; left out, the pictures' shape
                with a shorter side of 720.

        Raises:
            PromptError: It cannot be made as asked; says what can.
            MediaError: A picture or the narration is none that we take.
            StorageError: A file cannot be read.
        """
        if not isinstance(captions, bool):
            raise PromptError(f"captions takes True or False, not {quoted(captions)}.")
        shown = tuple(_pictures(pictures))
        return cls(
            pictures=shown,
            narration=voiceover.checked(narration),
            captions=captions,
            seconds=_seconds(seconds, len(shown)),
            size=shaped(common_shape(shown)) if size is None else film_size(size),
        )

    @property
    def extent(self) -> tuple[Hashable, ...]:
        """How much there is to film; with the same extent it takes about the same time."""
        voice = self.narration
        spoken = len(voice).bit_length() if isinstance(voice, str) else 0
        heard = round(voice.seconds).bit_length() if isinstance(voice, Audio) else 0
        return len(self.pictures), self.seconds, self.size, spoken, heard

    def label(self) -> str:
        """A few words for a person who waits."""
        count = len(self.pictures)
        return f"film of {count} pictures" if count > 1 else "film of one picture"


async def make_film(plan: FilmPlan, context: CallContext) -> Video:
    """Make the film of a plan, in a worker thread; cancelling leaves nothing behind.

    Raises:
        PromptError: The narration is longer than the film was asked to be, or cannot be spoken.
        MissingExtraError: PyAV is not installed.
    """
    context.provider = "local"
    voice = await voiceover.spoken(plan.narration, context)
    with context.work.part(SPOKEN if isinstance(plan.narration, str) else 0.0, 1.0):
        data, provenance = await workers.do(partial(_compose, plan, voice), context)
    context.report(Decoding())
    return await Video.load(data, provenance=provenance)


def common_shape(pictures: Iterable[Image]) -> float:
    """The shape that all pictures have, width to height; 16 to 9 when they differ."""
    first, *others = (picture.width / picture.height for picture in pictures)
    return first if all(abs(other / first - 1) < _ALIKE for other in others) else WIDE


def provenance_of(
    prompt: str, options: dict[str, Any], *, seed: int | None = None, **notes: Any
) -> Provenance:
    """The record of a film that is made here."""
    return Provenance(
        model=f"local/{MODEL}",
        prompt=prompt,
        engine="local",
        seed=seed,
        options={name: value for name, value in options.items() if value not in (None, [], "")},
        created=now(),
        notes={name: value for name, value in notes.items() if value},
    )


def _compose(plan: FilmPlan, voice: Audio | None, tell: Tell) -> tuple[bytes, Provenance]:
    load("mediatoolkit.synthesis.filming.film", tell)
    from mediatoolkit.synthesis.filming.film import compose

    data = compose(
        plan.pictures,
        seconds=plan.seconds,
        size=plan.size,
        narration=voice,
        captions=voice.captions if voice is not None else (),
        words="drawn" if plan.captions else "unseen",
        progress=drawing(tell),
    )
    seen = [picture.provenance.prompt for picture in plan.pictures if picture.provenance]
    text = plan.narration if isinstance(plan.narration, str) else " – ".join(seen)
    options = {
        "pictures": [picture.digest()[:16] for picture in plan.pictures],
        "narration": voiceover.mark(plan.narration),
        "captions": plan.captions,
        "seconds": plan.seconds,
        "size": "{}x{}".format(*plan.size),
    }
    notes: dict[str, Any] = {
        "captions": voiceover.captions_of(voice, data),
        "not_spoken": voiceover.not_spoken(voice),
    }
    return data, provenance_of(text or plan.label(), options, **notes)


def _pictures(things: object) -> Iterator[Image]:
    single = is_single(things)
    several = [things] if single or not isinstance(things, Iterable) else list(things)
    if not several:
        raise PromptError("A film needs at least one picture.")
    for number, thing in enumerate(several, start=1):
        yield _picture(number, thing)


def _picture(number: int, thing: object) -> Image:
    try:
        return Image.of(thing)
    except MediaError as error:
        raise MediaError(f"Picture {number} cannot be used. {error}") from error


def _seconds(seconds: object, count: int) -> float | tuple[float, ...] | None:
    from mediatoolkit.synthesis.filming.shots import lengths

    if seconds is None:
        return None
    durations: Any = tuple(seconds) if isinstance(seconds, (list, tuple)) else seconds
    each = lengths(count, durations)
    return tuple(each) if isinstance(durations, tuple) else sum(each)
