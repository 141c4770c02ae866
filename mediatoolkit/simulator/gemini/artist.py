"""How the simulated model answers a valid request: signatures checked, pictures drawn."""

import base64
import hashlib
import hmac
import math
from dataclasses import replace
from typing import Any

from mediatoolkit.simulator.gemini.asked import Asked
from mediatoolkit.simulator.gemini.models import Model, pixels, ratio
from mediatoolkit.simulator.gemini.reply import (
    CAPTION,
    Reply,
    picture_part,
    text_part,
    thought_part,
)
from mediatoolkit.simulator.gemini.request import pictures
from mediatoolkit.simulator.gemini.schema import InvalidError
from mediatoolkit.simulator.pictures import (
    MadePicture,
    NotAPictureError,
    PictureMaker,
    PictureOrder,
)

_SECRET = b"mediatoolkit.simulator"  # guards nothing: it tells our signatures from others
CONTINUATION = base64.b64encode(hmac.digest(_SECRET, b"continuation", "sha256")).decode()


class Artist:
    """Draws what was asked.

    Args:
        studio: Makes the pictures.
    """

    def __init__(self, studio: PictureMaker) -> None:
        """Keep the studio."""
        self._studio = studio

    async def reply(self, model: Model, asked: Asked, picture_format: str = "") -> Reply:
        """HttpResponse *asked*.

        Raises:
            InvalidError: A reference is no picture, or a signature or token is not ours.
        """
        signed = await self._check_history(asked)
        if asked.token and base64.b64encode(asked.token).decode() != CONTINUATION:
            raise InvalidError("The continuation token is not valid.", "continuation_token")
        if not signed:
            return Reply(model, asked, finish_reason="MISSING_THOUGHT_SIGNATURE")
        if not asked.pictures:
            return Reply(model, asked, (text_part(f"I would draw: {asked.text}"),))
        return Reply(model, asked, await self._parts(model, asked, picture_format))

    async def _parts(
        self, model: Model, asked: Asked, picture_format: str
    ) -> tuple[dict[str, Any], ...]:
        order = await self._order(model, asked, picture_format)
        picture = await self._studio.make(order)
        parts = (text_part(CAPTION), picture_part(picture, _signature(picture)))
        if not asked.thoughts:
            return parts
        sketch = replace(order, width=order.width // 4, height=order.height // 4)
        return (thought_part(await self._studio.make(sketch)), *parts)

    async def _order(self, model: Model, asked: Asked, picture_format: str) -> PictureOrder:
        aspect = asked.aspect or await self._natural_aspect(model, asked)
        width, height = pixels(aspect, asked.size)
        text = asked.text or "picture"
        return PictureOrder(
            text,
            width,
            height,
            asked.seed,
            asked.references,
            picture_format.upper() or "PNG",
            bool(picture_format),
        )

    async def _natural_aspect(self, model: Model, asked: Asked) -> float:
        """The format of the model nearest to the first reference, else a square."""
        if not asked.references:
            return 1.0
        first = await self._studio.look(asked.references[0])
        shape = math.log(first.width / first.height)
        return min(map(ratio, model.aspects), key=lambda each: abs(math.log(each) - shape))

    async def _check_history(self, asked: Asked) -> bool:
        """Look at every picture; whether each one the model drew came back with a signature."""
        signed = True
        for index, turn in enumerate(asked.contents):
            for number, part in enumerate(turn["parts"]):
                if "inlineData" in part:
                    path = f"contents[{index}].parts[{number}]"
                    made = await self._seen(part["inlineData"], path)
                    if turn.get("role") == "model" and part in pictures(turn):
                        signed &= _is_signed(part, made, path)
        return signed

    async def _seen(self, blob: dict[str, Any], path: str) -> MadePicture:
        try:
            made = await self._studio.look(blob["data"])
        except NotAPictureError:
            raise InvalidError(
                "Unable to process input image. Please retry with a valid picture.",
                f"{path}.inline_data.data",
            ) from None
        if made.mime_type != blob["mimeType"]:
            raise InvalidError(
                f"The picture is {made.mime_type}, not {blob['mimeType']}.",
                f"{path}.inline_data.mime_type",
            )
        return made


def _signature(picture: MadePicture) -> str:
    """What a next turn must send back; bound to the pixels, so metadata may change."""
    return base64.b64encode(hmac.digest(_SECRET, picture.digest, hashlib.sha256)).decode()


def _is_signed(part: dict[str, Any], picture: MadePicture, path: str) -> bool:
    given = part.get("thoughtSignature")
    if given is None:
        return False
    if base64.b64encode(given).decode() != _signature(picture):
        raise InvalidError("Thought signature is not valid.", f"{path}.thought_signature")
    return True
