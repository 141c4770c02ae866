"""Film to make."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mediatoolkit.checks import is_number, quoted
from mediatoolkit.errors import MediaError, PromptError
from mediatoolkit.media import Image, Video
from mediatoolkit.prompts.base import (
    Prompt,
    checked_aspect,
    checked_seed,
    optional_picture,
    pictures,
)

LONGEST = 600.0
_RESOLUTION = re.compile(r"(360|480|720|1080)p|4k")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoPrompt(Prompt):
    """A film to make.

    Args:
        text: What happens; up to 100,000 characters.
        image: The first picture: `Image`, bytes, path, Pillow image or array.
        last: The last picture.
        references: Pictures of what is to be seen.
        previous: A film that this one goes on from.
        seconds: How long, above 0 and up to 600; left out, the model decides.
        aspect: Width to height, such as `"16:9"`.
        resolution: `"360p"`, `"480p"`, `"720p"`, `"1080p"` or `"4k"`.
        seed: 0 to 4,294,967,295. Left out, every film is another one.
        options: What only some models take.

    Raises:
        PromptError: It cannot be sent as written.
        MediaError: A picture is no picture we take.
    """

    image: Any = None
    last: Any = None
    references: Sequence[Any] = ()
    previous: Any = None
    seconds: float | None = None
    aspect: str | None = None
    resolution: str | None = None
    seed: int | None = None

    async def plain_options(self) -> dict[str, Any]:
        """All that was asked beside text and seed, as plain JSON, for a record of origin.

        Pictures stand in it by the first digits of their digest.
        """
        given = {"image": self.image, "last": self.last, "previous": self.previous}
        marks = await asyncio.to_thread(self._marks, given)
        asked = {
            "seconds": self.seconds,
            "aspect": self.aspect,
            "resolution": self.resolution,
            **marks,
            **self.options,
        }
        return {name: value for name, value in asked.items() if value}

    def _marks(self, given: dict[str, Image | Video | None]) -> dict[str, Any]:
        marks: dict[str, Any] = {
            name: media.digest()[:16] for name, media in given.items() if media is not None
        }
        marks["references"] = [reference.digest()[:16] for reference in self.references]
        return marks

    def _in_one_form(self) -> dict[str, Any]:
        return {
            "image": optional_picture("first picture", self.image),
            "last": optional_picture("last picture", self.last),
            "references": pictures(self.references),
            "previous": _film(self.previous),
            "seconds": _seconds(self.seconds),
            "aspect": checked_aspect(self.aspect),
            "resolution": _resolution(self.resolution),
            "seed": checked_seed(self.seed),
        }

    def _check_together(self) -> None:
        if self.last is not None and self.image is None:
            raise PromptError("A last picture needs a first one: give image= too.")
        if self.previous is not None and (self.image is not None or self.references):
            raise PromptError("A film that goes on from previous= takes no other pictures.")


def _seconds(seconds: Any) -> float | None:
    if seconds is None:
        return None
    if not is_number(seconds):
        raise PromptError(f"seconds={quoted(seconds)} is not a number.")
    if not 0 < seconds <= LONGEST:
        raise PromptError(f"seconds={quoted(seconds)} is not above 0 and up to {LONGEST:g}.")
    return float(seconds)


def _resolution(resolution: object) -> str | None:
    if resolution is None:
        return None
    if not isinstance(resolution, str) or not _RESOLUTION.fullmatch(resolution.lower()):
        raise PromptError(
            f'resolution={quoted(resolution)} is none of "360p", "480p", "720p", "1080p", "4k".'
        )
    return resolution.lower()


def _film(thing: object) -> Video | None:
    if thing is None or isinstance(thing, Video):
        return thing
    try:
        return Video.of(thing)
    except MediaError as error:
        failure = MediaError(f"The previous film cannot be used. {error}")
    raise failure
