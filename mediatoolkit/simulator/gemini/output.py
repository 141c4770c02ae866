"""What an interaction brings: the picture, the speech or the film, as the vendor describes it."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Any

from mediatoolkit.simulator.films import Scene, shoot
from mediatoolkit.simulator.gemini.asked import check_image
from mediatoolkit.simulator.gemini.models import pixels, ratio
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.gemini.stored import Stored
from mediatoolkit.simulator.gemini.voices import DEFAULT, check_voice
from mediatoolkit.simulator.gemini.wanted import Wanted
from mediatoolkit.simulator.mp4 import is_mp4
from mediatoolkit.simulator.pictures import NotAPictureError, PictureMaker, PictureOrder
from mediatoolkit.simulator.sounds import RATE, Line, resampled, speak, wav

_SHORT_SIDE = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}
_FILM_TOKENS = 1158.4  # per second, from a recorded answer of five
_SOUND_TOKENS = 25  # per second
_PICTURE_IN = 560


@dataclass(frozen=True, slots=True)
class Output:
    """One result.

    Attributes:
        facts: The content without its bytes.
        data: The bytes.
        tokens: What it costs.
    """

    facts: dict[str, Any]
    data: bytes
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes results.

    Attributes:
        studio: Makes the pictures.
        stored: Holds files that were made before, and those that are delivered by address.
        film: Handed out for every film instead of making one.
    """

    studio: PictureMaker
    stored: Stored
    film: bytes | None

    async def make(self, wanted: Wanted) -> Output:
        """Make what is wanted."""
        match wanted.model.makes:
            case "IMAGE":
                return await self._picture(wanted)
            case "AUDIO":
                return await _speech(wanted)
            case "VIDEO":
                return await self._film(wanted)

    async def check(self, wanted: Wanted) -> None:
        """Look at everything that was given.

        Raises:
            InvalidError: It is not what it says, or the model does not take it.
        """
        for index, item in enumerate(wanted.items):
            path = f"input[{index}].data"
            if item["type"] == "image":
                await self._look(item, path)
            elif item["type"] == "video" and not is_mp4(self._bytes(item, path)):
                raise InvalidError("Unable to process input video.", path)
        match wanted.model.makes:
            case "IMAGE":
                form = wanted.form
                size = (form.get("aspect_ratio"), form.get("image_size"))
                check_image(wanted.model, *size, "response_format")
            case "AUDIO":
                _lines(wanted)
            case "VIDEO":
                pass

    def delivered(self, output: Output, wanted: Wanted) -> dict[str, Any]:
        """The content with its bytes, or with an address to fetch them from."""
        if wanted.form.get("delivery") == "uri":
            return {**output.facts, "uri": self.stored.keep(output.data, output.facts["mime_type"])}
        return {**output.facts, "data": base64.b64encode(output.data).decode()}

    async def _picture(self, wanted: Wanted) -> Output:
        aspect = ratio(wanted.form.get("aspect_ratio", "1:1"))
        size = wanted.form.get("image_size", "1K")
        made = await self.studio.make(self._order(wanted, *pixels(aspect, size), "JPEG"))
        facts = {"type": "image", "mime_type": made.mime_type}
        return Output(facts, made.data, wanted.model.tokens[size])

    async def _film(self, wanted: Wanted) -> Output:
        data = self.film
        if data is None:
            short = _SHORT_SIDE[wanted.form.get("resolution", "720p")]
            size = (short * 16 // 9, short)
            width, height = size if wanted.form.get("aspect_ratio") != "9:16" else size[::-1]
            made = await self.studio.make(self._order(wanted, width, height, "JPEG"))
            scene = Scene(wanted.text, made.data, width, height, wanted.seconds)
            data = await asyncio.to_thread(shoot, scene)
        tokens = round(wanted.seconds * _FILM_TOKENS)
        return Output({"type": "video", "mime_type": "video/mp4"}, data, tokens)

    def _order(self, wanted: Wanted, width: int, height: int, form: str) -> PictureOrder:
        images = [item for item in wanted.items if item["type"] == "image"]
        references = tuple(self._bytes(item, "input") for item in images)
        return PictureOrder(
            wanted.text or "picture", width, height, wanted.seed, references, form, exact=True
        )

    def _bytes(self, item: dict[str, Any], path: str) -> bytes:
        given: bytes | None = item.get("data")
        return self.stored.find(item["uri"], path) if given is None else given

    async def _look(self, item: dict[str, Any], path: str) -> None:
        try:
            made = await self.studio.look(self._bytes(item, path))
        except NotAPictureError:
            raise InvalidError("Unable to process input image.", path) from None
        if made.mime_type != item["mime_type"]:
            raise InvalidError(f"The picture is {made.mime_type}, not {item['mime_type']}.", path)


def tokens_in(wanted: Wanted) -> int:
    """What the request costs."""
    pictures: int = sum(item["type"] == "image" for item in wanted.items)
    return -(-len(wanted.text) // 4) + _PICTURE_IN * pictures


async def _speech(wanted: Wanted) -> Output:
    rate = wanted.form.get("sample_rate", RATE)
    mime_type = wanted.form.get("mime_type", "audio/l16")
    sound = await asyncio.to_thread(speak, _lines(wanted))
    tokens = -(-len(sound) // 2 * _SOUND_TOKENS // RATE)
    if rate != RATE:
        sound = await asyncio.to_thread(resampled, sound, rate)
    data = wav(sound, rate=rate) if mime_type == "audio/wav" else sound
    facts = {"type": "audio", "mime_type": mime_type, "sample_rate": rate, "channels": 1}
    return Output(facts, data, tokens)


def _lines(wanted: Wanted) -> list[Line]:
    """What is to be said, and by whom."""
    one, several = _voices(wanted.config.get("speech_config", []))
    lines = []
    for index, item in enumerate(wanted.items):
        if item["type"] != "text":
            raise InvalidError(f"{wanted.model.id} takes text only.", f"input[{index}]")
        notes = (item.get("annotations") or [{}])[0]
        speaker = notes.get("speaker")
        if several and speaker is not None and speaker not in several:
            raise InvalidError(f"Speaker {speaker} has no voice.", f"input[{index}].annotations")
        lines.append(Line(item["text"], several.get(speaker, one), notes.get("style", "")))
    return lines


def _voices(config: Any) -> tuple[str, dict[str, str]]:
    """The voice of everything, and those of named speakers."""
    entries = config.get("speakers", []) if isinstance(config, dict) else config
    path = "generation_config.speech_config"
    one, several = "", {}
    for index, entry in enumerate(entries):
        here = f"{path}[{index}].voice"
        voice = check_voice(entry.get("voice", DEFAULT), here, custom=True)
        if "speaker" in entry:
            several[entry["speaker"]] = voice
        else:
            one = voice
    return one or next(iter(several.values()), DEFAULT), several
